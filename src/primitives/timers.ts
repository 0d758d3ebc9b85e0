/**
 * The timers of Node, even where a test runner has replaced them.
 *
 * Fake timers stop until a test advances them: a cache or a connection that waits for one never settles.
 * All code in `src` uses these timers instead of the globals.
 */
import * as timers from "node:timers";

/** The bindings are constants, because fake timers replace the members of `node:timers`, too. */
export const setTimeout: typeof timers.setTimeout = genuine("setTimeout", timers.setTimeout);
export const clearTimeout: typeof timers.clearTimeout = genuine(
  "clearTimeout",
  timers.clearTimeout,
);
export const setInterval: typeof timers.setInterval = genuine("setInterval", timers.setInterval);
export const clearInterval: typeof timers.clearInterval = genuine(
  "clearInterval",
  timers.clearInterval,
);
export const setImmediate: typeof timers.setImmediate = genuine(
  "setImmediate",
  timers.setImmediate,
);
const clearImmediate = genuine("clearImmediate", timers.clearImmediate);
export const queueMicrotask: typeof globalThis.queueMicrotask = genuine(
  "queueMicrotask",
  globalThis.queueMicrotask,
);
/**
 * The global `process`, which a vm context lacks: importing `node:process` would make a piped standard
 * input of Node 20 non-blocking.
 */
const { nextTick: ticks = queueMicrotask } = globalThis.process ?? {};
export const nextTick: (callback: () => void) => void = genuine("nextTick", ticks);

/** Resolves after some milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const GENUINE = Object.entries<(...given: never[]) => unknown>({
  ...{ setTimeout, clearTimeout, setInterval, clearInterval },
  ...{ setImmediate, clearImmediate, queueMicrotask },
});

/** The fake globals, each with its temporary replacement. */
const replaced = new Map<string, { readonly fake: unknown; readonly standIn: unknown }>();
let users = 0;

/**
 * Installs the timers of Node as the global ones, for packages that use the globals. Returns a function
 * that undoes this. A package that reads the globals when it is imported would keep the fake ones for ever.
 */
export function installTimers(): () => void {
  const globals = globalThis as unknown as Record<string, unknown>;
  if (users === 0) {
    for (const [name, timer] of GENUINE) {
      const fake = globals[name];
      if (fake === timer) continue;
      // A copy, so that the undo step notices if a test has restored its own timers since.
      const standIn = Object.assign(timer.bind(undefined), fake);
      replaced.set(name, { fake, standIn });
      Reflect.set(globals, name, standIn);
    }
  }
  users += 1;
  return () => {
    users -= 1;
    if (users > 0) return;
    for (const [name, { fake, standIn }] of replaced) {
      if (globals[name] === standIn) Reflect.set(globals, name, fake);
    }
    replaced.clear();
  };
}

/** Runs `work` with the timers of Node as the global ones. */
export function withTimers<T>(work: () => T): T {
  const undo = installTimers();
  try {
    return work();
  } finally {
    undo();
  }
}

/** Returns the original of a function. If it was faked before this import, the fake's clock has it. */
function genuine<T extends object>(name: string, current: T): T {
  const { clock } = current as { readonly clock?: Readonly<Record<string, unknown>> };
  const original = clock?.[`_${name}`];
  return typeof original === "function" ? (original as unknown as T) : current;
}

/**
 * The timers of Node, whatever a test runner puts in their place.
 *
 * Fake timers stop until a test advances them: a cache or a connection that waits on one never settles.
 * Everything in `src` waits by means of these instead of the globals.
 */
import process from "node:process";
import * as timers from "node:timers";
import * as promises from "node:timers/promises";

/** The bindings are constants, as fake timers replace the members of `node:timers` as well. */
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
export const queueMicrotask: typeof globalThis.queueMicrotask = genuine(
  "queueMicrotask",
  globalThis.queueMicrotask,
);
export const nextTick: typeof process.nextTick = genuine("nextTick", process.nextTick);

/** Resolves after some milliseconds. */
export const pause: typeof promises.setTimeout = promises.setTimeout;
/** Resolves in the next turn of the event loop. */
export const nextTurn: typeof promises.setImmediate = promises.setImmediate;

/** Where fake timers were installed before this import, their clock has the functions they replaced. */
function genuine<T extends object>(name: string, current: T): T {
  const { clock } = current as { readonly clock?: Readonly<Record<string, unknown>> };
  const replaced = clock?.[`_${name}`];
  return typeof replaced === "function" ? (replaced as unknown as T) : current;
}

/** The limits of one call, which every method of a vault takes. */
import { isAbortSignal } from "../primitives/kinds.js";
import { clearTimeout, setTimeout } from "../primitives/timers.js";
import { OutcomeUnknownError } from "./errors.js";
import { integerWithin, type OptionsTable, optional, readOptions } from "./options.js";
import type { CallOptions } from "./vault.js";

/** Whether a call may change something. */
export type Effect = "reads" | "writes";

const limit = integerWithin(1, 2 ** 31 - 1);

const OPTIONS: OptionsTable<CallOptions> = {
  signal: optional(checkSignal),
  timeoutMs: optional(limit),
};

/**
 * Returns the limits of a call, whose options are nothing else.
 *
 * @throws TypeError RangeError An option is unknown or invalid.
 */
export function readCallOptions(options: CallOptions): CallOptions {
  return readOptions(options, OPTIONS, { prefix: "" });
}

/**
 * Returns the limits among the options of a call; `undefined` if there are none.
 *
 * @throws TypeError RangeError A limit is invalid.
 */
export function limitsIn(options: unknown): CallOptions | undefined {
  const { signal, timeoutMs } = (options ?? {}) as CallOptions;
  if (signal === undefined && timeoutMs === undefined) return undefined;
  return readCallOptions({ signal, timeoutMs });
}

/** Returns options without the limits of the call. */
export function withoutLimits<Options extends CallOptions>(options: Options): Options {
  return { ...options, signal: undefined, timeoutMs: undefined };
}

/** Runs a call under its limits. Work that does not heed the signal goes on after they have ended the call. */
export async function runLimited<T>(
  effect: Effect,
  limits: CallOptions,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  return withSignalOf(limits, async (signal) => {
    if (signal === undefined) return run(signal);
    return new Promise<T>((resolve, reject) => {
      const abort = () => reject(outcomeAfterAbort(effect, signal.reason));
      signal.addEventListener("abort", abort, { once: true });
      run(signal)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", abort));
    });
  });
}

/** Runs a call with one signal for its limits: `undefined` if there are none. */
export async function withSignalOf<T>(
  { signal, timeoutMs }: CallOptions,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (timeoutMs === undefined) return run(signal);
  const controller = new AbortController();
  // `AbortSignal.any` refuses signals of another realm.
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => controller.abort(timeoutError()), timeoutMs);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Returns the error of a call that was ended after it had begun. */
function outcomeAfterAbort(effect: Effect, reason: unknown): unknown {
  return effect === "reads" ? reason : new OutcomeUnknownError({ cause: reason });
}

/** Returns the error for a call that took too long, as `AbortSignal.timeout` gives it. */
function timeoutError(): DOMException {
  return new DOMException("The call took longer than timeoutMs.", "TimeoutError");
}

function checkSignal(value: unknown, place: string): asserts value is AbortSignal {
  if (!isAbortSignal(value)) throw new TypeError(`${place} must be an AbortSignal`);
}

/** A timer for work that nothing waits for. */
import { clearTimeout, setTimeout } from "./timers.js";

/** Calls back once, after some milliseconds; returns a function that cancels that. */
export type After = (delayMs: number, callback: () => void) => () => void;

/** Calls back once, unless the process has ended by then: the timer does not keep it alive. */
export function afterUnref(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}

/** Timers for background work. */
import { clearTimeout, setTimeout } from "./timers.js";

/** Schedules one call of `callback` after a delay. Returns a function that cancels it. */
export type After = (delayMs: number, callback: () => void) => () => void;

/** Schedules one call of `callback` with a timer that does not keep the process alive. */
export function afterUnref(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}

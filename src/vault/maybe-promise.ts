import { types } from "node:util";
import type { MaybePromise } from "./contracts.js";

/**
 * Returns whether a value is a native promise of any realm. In a context of `node:vm`, and therefore under
 * jest, the promises of Node belong to another realm. For other thenables see {@link adoptThenable}.
 */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && types.isPromise(value);
}

/** Calls `next` with the value: immediately, or after the promise has resolved. Returns its result. */
export function andThen<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** Returns a value from foreign code, with any thenable converted into a promise of this realm. */
export function adoptThenable<T>(value: MaybePromise<T>): MaybePromise<T> {
  if (typeof value !== "object" || value === null) return value;
  return typeof (value as { then?: unknown }).then === "function" ? Promise.resolve(value) : value;
}

/** Returns what foreign code has thrown as an error. A value that is none is dropped: it may be a payload. */
export function errorOf(thrown: unknown): Error {
  const { name, message } = Object(thrown) as Partial<Error>;
  return typeof name === "string" && typeof message === "string"
    ? (thrown as Error)
    : new Error("A value was thrown that is no error.");
}

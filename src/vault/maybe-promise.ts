import { types } from "node:util";
import type { MaybePromise } from "./contracts.js";

/**
 * Tells whether a value is a promise, whichever realm made it: in the contexts of `node:vm`, and so under
 * jest, those of Node itself are of another. {@link settled} makes promises of what merely has a `then`.
 */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  if (value instanceof Promise) return true;
  return typeof value === "object" && value !== null && types.isPromise(value);
}

/** Returns `next` of the value: at once when it is there, else when it has come. */
export function andThen<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** Returns what others gave, with promises of another realm or make turned into our own. */
export function adoptThenable<T>(value: MaybePromise<T>): MaybePromise<T> {
  if (typeof value !== "object" || value === null) return value;
  return typeof (value as { then?: unknown }).then === "function" ? Promise.resolve(value) : value;
}

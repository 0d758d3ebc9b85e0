import type { MaybePromise } from "./contracts.js";

/** Tells whether a value has to be awaited: promises of other realms and makes do, too. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  if (typeof value !== "object" || value === null) return false;
  return typeof (value as { then?: unknown }).then === "function";
}

/** Returns `next` of the value: at once when it is there, else when it has come. */
export function andThen<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

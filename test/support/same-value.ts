import { isDeepStrictEqual } from "node:util";

/** The differences that a serializer's documentation permits. */
export interface Tolerance {
  /** Members whose value is `undefined` count as absent. */
  readonly undefinedMembers?: "dropped";
}

/**
 * Returns whether two values are the same data, including classes, order, holes and signs of zero.
 *
 * Unlike with `isDeepStrictEqual`, two invalid dates are equal, the order of members, keys and items counts,
 * and an object without a prototype equals one with `Object.prototype`.
 */
export function isSameData(left: unknown, right: unknown, tolerance: Tolerance = {}): boolean {
  return isDeepStrictEqual(canonical(left, tolerance), canonical(right, tolerance));
}

function canonical(value: unknown, tolerance: Tolerance): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return ["Date", value.getTime()];
  if (value instanceof Map) return ["Map", canonical([...value], tolerance)];
  if (value instanceof Set) return ["Set", canonical([...value], tolerance)];
  if (Array.isArray(value)) return value.map((item: unknown) => canonical(item, tolerance));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return [prototype, value];
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined || tolerance.undefinedMembers !== "dropped")
    .map(([key, member]) => [key, canonical(member, tolerance)]);
  return ["Object", members];
}

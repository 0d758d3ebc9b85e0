/** Relations of patterns of JSON pointers to each other and to data. */
import { ANY, type PointerPattern, valueAt } from "../../primitives/json-pointer.js";

/** Throws if one rule's place can lie within another's. */
export function assertDisjoint(
  rules: readonly { readonly at: PointerPattern }[],
  where: string,
): void {
  const isWithin = rules.some(({ at }, index) =>
    rules.some((other, otherIndex) => index !== otherIndex && mayContain(other.at, at)),
  );
  if (isWithin) throw new RangeError(`${where} has a place inside another, or the same twice`);
}

/**
 * Returns whether a place that matches `inner` can also match `outer`, or lie within such a place.
 */
function mayContain(outer: PointerPattern, inner: PointerPattern): boolean {
  return (
    outer.length <= inner.length &&
    outer.every((token, depth) => {
      const other = inner[depth];
      return token === ANY || other === ANY || token === other;
    })
  );
}

/** Returns the remaining tokens of the patterns that match a member or item. */
export function below(
  patterns: readonly PointerPattern[],
  token: string,
): readonly PointerPattern[] {
  return patterns
    .filter(([first]) => first === ANY || first === token)
    .map((pattern) => pattern.slice(1));
}

/**
 * Returns whether every branch of a pattern leads to a place of `value`. If not, the value has
 * another shape, in which the data of a rule could be missed. An optional place may be absent or
 * null.
 */
export function isCovered(value: unknown, pattern: PointerPattern, isOptional: boolean): boolean {
  const [token, ...rest] = pattern;
  if (token === undefined) return true;
  if (value === null) return isOptional;
  if (typeof value !== "object") return false;
  if (token === ANY) {
    return Object.values(value).every((each) => isCovered(each, rest, isOptional));
  }
  // An object may lack the place, but a list in its position means another shape.
  if (Array.isArray(value) && !/^\d+$/.test(token)) return false;
  const member = valueAt(value, [token]);
  return member === undefined ? isOptional : isCovered(member.value, rest, isOptional);
}

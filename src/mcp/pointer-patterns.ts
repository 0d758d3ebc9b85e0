/** How patterns of JSON pointers relate, to each other and to data. */
import { ANY, type PointerPattern, valueAt } from "../primitives/json-pointer.js";

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

/** Tells whether a place of `inner` can be a place of `outer`, or lie within one. */
function mayContain(outer: PointerPattern, inner: PointerPattern): boolean {
  return (
    outer.length <= inner.length &&
    outer.every((token, depth) => {
      const other = inner[depth];
      return token === ANY || other === ANY || token === other;
    })
  );
}

/** What is left of patterns below a member or item. */
export function below(
  patterns: readonly PointerPattern[],
  token: string,
): readonly PointerPattern[] {
  return patterns
    .filter(([first]) => first === ANY || first === token)
    .map((pattern) => pattern.slice(1));
}

/**
 * Tells whether every branch of a pattern ends at a place of `value`: what a rule is for is there,
 * and nowhere does another shape hide something from it. An optional place may be absent or null.
 */
export function isCovered(value: unknown, pattern: PointerPattern, isOptional: boolean): boolean {
  const [token, ...rest] = pattern;
  if (token === undefined) return true;
  if (value === null) return isOptional;
  if (typeof value !== "object") return false;
  if (token === ANY) {
    return Object.values(value).every((member) => isCovered(member, rest, isOptional));
  }
  // The place may be absent from an object, but a list has another shape.
  if (Array.isArray(value) && !/^\d+$/.test(token)) return false;
  const member = valueAt(value, [token]);
  return member === undefined ? isOptional : isCovered(member.value, rest, isOptional);
}

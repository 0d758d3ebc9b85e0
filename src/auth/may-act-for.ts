/** Whom a caller may act for: exact principals, and prefixes written with one `*` at the end. */
import { checkPrincipal } from "../vault/checks.js";
import type { Caller } from "./authenticator.js";

const MAX_PATTERNS = 256;

/**
 * Tells whether a caller is a principal or may act for it.
 *
 * Compares character by character, with no normal form in between. `tenant-a/*` covers whatever
 * starts with `tenant-a/`; end a prefix in a delimiter, for `tenant-a*` covers `tenant-abc` too.
 * A `*` alone covers nobody.
 *
 * @example
 * ```ts
 * mayActAs({ principal: "gateway", mayActFor: ["tenant-a/*"] }, "tenant-a/bob"); // true
 * ```
 */
export function mayActAs(caller: Caller, principal: string): boolean {
  if (caller.principal === principal) return true;
  return caller.mayActFor?.some((pattern) => covers(pattern, principal)) ?? false;
}

function covers(pattern: string, principal: string): boolean {
  if (!pattern.endsWith("*")) return pattern === principal;
  return pattern.length > 1 && principal.startsWith(pattern.slice(0, -1));
}

/**
 * Returns a frozen copy of a list for {@link Caller.mayActFor}.
 *
 * A `*` alone would make a credential everybody, which nobody should write by accident, and a `*`
 * that is not last looks like a pattern that does not exist: both are refused.
 *
 * @throws TypeError It is no array of strings.
 * @throws RangeError It has over 256 entries, or one that is neither a principal nor a prefix.
 */
export function checkMayActFor(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array of strings`);
  if (value.length > MAX_PATTERNS) {
    throw new RangeError(`${name} must have at most ${MAX_PATTERNS} entries`);
  }
  // A copy first: what is checked is then what is used.
  const patterns: unknown[] = Array.from(value);
  return Object.freeze(patterns.map((pattern, index) => checkPattern(pattern, name, index)));
}

function checkPattern(pattern: unknown, name: string, index: number): string {
  checkPrincipal(pattern, name, index);
  const star = pattern.indexOf("*");
  if (star === 0) throw new RangeError(`${name}[${index}] must not start with *: it is too wide`);
  if (star !== -1 && star !== pattern.length - 1) {
    throw new RangeError(`${name}[${index}] may have one * only, as its last character`);
  }
  return pattern;
}

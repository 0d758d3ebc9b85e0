/** The principals that a caller may act for: exact names, and prefixes that end in one `*`. */
import { checkPrincipal } from "../vault/checks.js";
import type { Caller } from "./authenticator.js";

const MAX_PATTERNS = 256;

/**
 * Returns whether a caller is a principal or may act for it.
 *
 * Compares character by character, without Unicode normalisation. `tenant-a/*` covers every principal that
 * starts with `tenant-a/`. End a prefix in a delimiter, because `tenant-a*` also covers `tenant-abc`.
 * A `*` alone covers no principal.
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
 * Refuses a `*` alone, because a typing error must not let a credential act for every principal. Refuses a
 * `*`
 * that is not last, because it looks like a pattern that is not supported.
 *
 * @throws TypeError The value is not an array of strings.
 * @throws RangeError The list has over 256 entries, or one that is neither a principal nor a prefix.
 */
export function checkMayActFor(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array of strings`);
  if (value.length > MAX_PATTERNS) {
    throw new RangeError(`${name} must have at most ${MAX_PATTERNS} entries`);
  }
  // Copies before checking, so that the caller cannot change the list afterwards.
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

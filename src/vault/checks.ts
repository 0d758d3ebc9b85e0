/** Checks of arguments. They run before any work; their errors name the parameter, never its value. */
import { Buffer } from "node:buffer";
import { isPointer } from "../primitives/json-pointer.js";
import { rangeFault, typeFault } from "./argument-errors.js";
import { type HandleReference, handleIdOf, isHandleId } from "./handle.js";
import type { LeakGuardSetting } from "./safe-view.js";
import type { ChangeOptions, SafeViewChoice, SealTerms } from "./vault.js";

/** The longest principal, in characters. */
export const MAX_PRINCIPAL_CHARACTERS = 1024;
/** The longest safe view, in bytes of UTF-8. */
export const MAX_SAFE_VIEW_BYTES = 4096;
/** The most principals that a handle may be granted to. */
export const MAX_GRANTS = 256;
/** The most places that a leak guard setting may allow. */
export const MAX_ALLOWED_PLACES = 256;
/** The longest JSON pointer of such a place, in characters. */
const MAX_PLACE_CHARACTERS = 1024;
/** The longest lifetime, in seconds: a century. */
export const MAX_TTL_SECONDS = 3_155_760_000;
/** The largest `maxUses`. The next value means "unlimited" in a record. */
export const MAX_USES: number = 2 ** 32 - 2;

/** Matches the characters that no principal may contain. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
export const CONTROL_CHARACTER: RegExp = /[\u0000-\u001f\u007f-\u009f]/;

/** Throws unless `value` is a valid principal; `index` is its position in a list. */
export function checkPrincipal(
  value: unknown,
  name: string,
  index?: number,
): asserts value is string {
  const place = index === undefined ? name : `${name}[${index}]`;
  if (typeof value !== "string") throw typeFault(place, "string");
  if (value.length === 0) throw rangeFault(place, "notEmpty");
  if (value.length > MAX_PRINCIPAL_CHARACTERS) {
    throw rangeFault(place, "maxCharacters", MAX_PRINCIPAL_CHARACTERS);
  }
  if (CONTROL_CHARACTER.test(value)) throw rangeFault(place, "noControlCharacters");
  if (!value.isWellFormed()) throw rangeFault(place, "wellFormed");
}

/** Returns the distinct principals of a list, in their order, after checking them. */
export function checkGrants(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) throw typeFault(name, "strings");
  // Copy first, so that the checked values are the ones used.
  const given: unknown[] = Array.prototype.slice.call(value);
  checkEachPrincipal(given, name);
  const distinct = given.length < 2 ? given : [...new Set(given)];
  if (distinct.length > MAX_GRANTS) {
    throw rangeFault(name, "maxPrincipals", MAX_GRANTS);
  }
  return distinct;
}

function checkEachPrincipal(values: unknown[], name: string): asserts values is string[] {
  for (let index = 0; index < values.length; index++) {
    checkPrincipal(values[index], name, index);
  }
}

/** Throws unless `value` is a text that can be a safe view. */
export function checkSafeView(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw typeFault(name, "string");
  if (value.length > MAX_SAFE_VIEW_BYTES || Buffer.byteLength(value) > MAX_SAFE_VIEW_BYTES) {
    throw rangeFault(name, "maxBytes", MAX_SAFE_VIEW_BYTES);
  }
  if (!value.isWellFormed()) throw rangeFault(name, "wellFormed");
}

/** Throws unless `value` is a leak guard setting: `"off"`, or the JSON pointers to allow. */
export function checkLeakGuard(value: unknown, name: string): asserts value is LeakGuardSetting {
  if (value === "off") return;
  checkOptions(value, name, LEAK_GUARD_OPTIONS);
  checkPlaces((value as { readonly allow?: unknown }).allow, `${name}.allow`);
}

/** Throws unless `value` is a list of JSON pointers. */
export function checkPlaces(value: unknown, name: string): asserts value is readonly string[] {
  const isList = Array.isArray(value) && value.every((place) => typeof place === "string");
  if (!isList) throw typeFault(name, "strings");
  if (value.length > MAX_ALLOWED_PLACES) {
    throw rangeFault(name, "maxPlaces", MAX_ALLOWED_PLACES);
  }
  const index = value.findIndex((place) => !isPlace(place));
  if (index >= 0) throw rangeFault(`${name}[${index}]`, "pointer");
}

/** Returns whether a text is a JSON pointer within the length limit of the leak guard. */
export function isPlace(text: string): boolean {
  return text.length <= MAX_PLACE_CHARACTERS && isPointer(text);
}

/** Throws unless `value` is a lifetime in seconds, from 0 to a century. */
export function checkTtlSeconds(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number") throw typeFault(name, "seconds");
  if (!(value >= 0 && value <= MAX_TTL_SECONDS)) {
    throw rangeFault(name, "secondsWithin", 0, MAX_TTL_SECONDS);
  }
}

/** Throws unless `summarizer` is one, and the only source of the safe view. */
function checkSummarizer(summarizer: unknown, safeView: unknown): void {
  checkMethods(summarizer, "summarizer", ["summarize"]);
  if (safeView !== undefined) {
    throw new TypeError("options must have either safeView or summarizer, not both");
  }
}

/**
 * Returns the id in a handle reference, and checks the principal beside it.
 *
 * @throws TypeError The two are swapped, or one has the wrong type.
 */
export function checkHandleAnd(
  principal: unknown,
  handle: HandleReference,
  name: string = "requestingPrincipal",
): string {
  const id = handleIdOf(handle);
  checkPrincipal(principal, name);
  if (isHandleId(principal) && !isHandleId(id)) {
    throw new TypeError(`the handle comes first, then ${name}: they are swapped`);
  }
  return id;
}

/** Throws unless `value` is a boolean. */
export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") throw typeFault(name, "boolean");
}

/** Throws unless `value` is a whole number within the bounds. */
export function checkInteger(
  value: unknown,
  name: string,
  bounds: { readonly min: number; readonly max: number },
): asserts value is number {
  if (typeof value !== "number") throw typeFault(name, "number");
  if (!Number.isInteger(value) || value < bounds.min || value > bounds.max) {
    throw rangeFault(name, "integerWithin", bounds.min, bounds.max);
  }
}

const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Throws unless `value` is a valid key id of a record. */
export function checkKeyId(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw typeFault(name, "string");
  if (!KEY_ID.test(value)) {
    throw new RangeError(`${name} must have 1 to 64 characters of A-Z a-z 0-9 . _ -`);
  }
}

/** Throws unless `value` is an object without members other than the `known` ones. */
export function checkOptions(value: unknown, name: string, known: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) throw typeFault(name, "object");
  for (const option in value) {
    if (!known.has(option)) throw unknownOption(name, option, known);
    // Options from a polluted prototype must not have an effect.
    if (!Object.hasOwn(value, option)) throw new TypeError(`${name} inherits an option: ${option}`);
  }
}

/** Returns the error for an unknown option, which suggests the one that was meant. */
function unknownOption(name: string, option: string, known: ReadonlySet<string>): TypeError {
  const plain = (text: string) => text.replaceAll(/[_-]/g, "").toLowerCase();
  const given = plain(option);
  const meant = [...known].find((each) => {
    const other = plain(each);
    return given.length > 2 && (other.startsWith(given) || given.startsWith(other));
  });
  const hint = meant === undefined ? `known: ${[...known].join(", ")}` : `did you mean ${meant}?`;
  return new TypeError(`${name} has an unknown option: ${shown(option)} (${hint})`);
}

/**
 * Throws unless `value` is an object with all of the methods.
 *
 * @param such - What usually has them, for the error.
 */
export function checkMethods(
  value: unknown,
  name: string,
  methods: readonly string[],
  such = "an object",
): void {
  const given = value as Record<string, unknown> | null | undefined;
  const isObject = typeof given === "object" && given !== null;
  if (isObject && methods.every((method) => typeof given[method] === "function")) return;
  if (isObject && typeof given["then"] === "function") {
    throw new TypeError(`${name} is a promise: await it first`);
  }
  throw new TypeError(`${name} must be ${such} with the methods ${methods.join(", ")}`);
}

/** Returns an option's name for a message, if it is an identifier: otherwise it may be a secret value. */
function shown(option: string): string {
  return /^[A-Za-z_]\w{0,39}$/.test(option) ? option : "(not an identifier)";
}

const LEAK_GUARD_OPTIONS: ReadonlySet<string> = new Set(["allow"]);
const SEAL_OPTIONS: ReadonlySet<string> = new Set([
  "ownerPrincipal",
  "safeView",
  "summarizer",
  "leakGuard",
  "ttlSeconds",
  "grantedPrincipals",
  "maxUses",
  "signal",
  "timeoutMs",
]);
const DEFAULT_TTL_SECONDS = 300;

/** The options of `seal`, checked and with defaults. */
export type CheckedSealOptions = SealTerms &
  SafeViewChoice & {
    readonly ttlSeconds: number;
    readonly grantedPrincipals: readonly string[];
  };

/** Checks the options of `seal`, and returns them with defaults. */
export function checkSealOptions(options: SealTerms & SafeViewChoice): CheckedSealOptions {
  checkOptions(options, "options", SEAL_OPTIONS);
  const { ownerPrincipal, safeView, ttlSeconds = DEFAULT_TTL_SECONDS, maxUses } = options;
  const { summarizer, leakGuard } = options;
  checkPrincipal(ownerPrincipal, "ownerPrincipal");
  if (summarizer === undefined) {
    if (safeView === undefined) throw new TypeError("options must have safeView or summarizer");
    checkSafeView(safeView, "safeView");
  } else checkSummarizer(summarizer, safeView);
  if (leakGuard !== undefined) checkLeakGuard(leakGuard, "leakGuard");
  checkTtlSeconds(ttlSeconds, "ttlSeconds");
  if (maxUses !== undefined) checkInteger(maxUses, "maxUses", { min: 1, max: MAX_USES });
  const grantedPrincipals = checkGrants(options.grantedPrincipals ?? [], "grantedPrincipals");
  return {
    ownerPrincipal,
    ...{ leakGuard, ttlSeconds, maxUses, grantedPrincipals },
    // One of them is absent, as the checks have ensured.
    ...({ safeView, summarizer } as SafeViewChoice),
  };
}

const CHANGE_OPTIONS: ReadonlySet<string> = new Set(["by", "signal", "timeoutMs"]);

/** Returns the principal that requests a change, from the options of `grant`, `revoke` and `renew`. */
export function checkBy(options: ChangeOptions): string {
  if (typeof options !== "object" || options === null) {
    throw new TypeError("options must be an object with the owner: { by: principal }");
  }
  checkOptions(options, "options", CHANGE_OPTIONS);
  const { by } = options;
  checkPrincipal(by, "by");
  return by;
}

/** Throws unless `request`, an item of `sealMany` or `unsealMany`, is an object. */
export function checkRequest(request: unknown): asserts request is object {
  if (typeof request !== "object" || request === null) throw typeFault("request", "object");
  const given = request as Readonly<Record<string, unknown>>;
  const ofCall = ["schema", "signal", "timeoutMs"].find((name) => given[name] !== undefined);
  if (ofCall !== undefined) {
    throw new TypeError(`${ofCall} is an option of the call: give it beside the requests`);
  }
}

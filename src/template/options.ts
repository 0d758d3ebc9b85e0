/** What hydration takes, checked before any work. */
import { isSet } from "../primitives/kinds.js";
import { checkInteger, checkMethods, checkOptions, checkPrincipal } from "../vault/checks.js";
import { type HandleReference, handleIdOf } from "../vault/handle.js";
import type { Vault } from "../vault/vault.js";
import { ESCAPES, type OutputFormat } from "./output-format.js";
import type { RenderingOptions } from "./rendering.js";
import type { ScannerOptions } from "./scanner.js";

/** Handles, each by itself or by its id. */
export type HandleReferences = readonly HandleReference[] | ReadonlySet<HandleReference>;

/** On whose behalf handles are opened, and which. */
export interface HydrateOptions {
  /** The principal that the vault is asked as. */
  readonly requestingPrincipal: string;
  /**
   * The handles, or their ids, that the text may contain; any other stays as it is and is reported, whoever may open it.
   * Give it whenever a text was written by a model or anybody else: it may name a handle of another
   * user. Default: whatever the principal may open.
   */
  readonly allow?: HandleReferences | undefined;
  /**
   * Handles, or their ids, to compare unknown ones with: the report suggests which was meant. At most 1,000 count, and
   * 10,000 comparisons are made for one text.
   */
  readonly knownHandles?: HandleReferences | undefined;
  /** What to do about references that cannot be hydrated: throw (default), or keep them as they are. */
  readonly onUnresolved?: "throw" | "keep" | undefined;
}

/** Bounds on work and memory. */
export interface HydrationLimits {
  /** The most handles that are opened for one text. Default 100. */
  readonly maxHandles?: number | undefined;
  /** The longest output, in characters (UTF-16 code units). Default 16,777,216. */
  readonly maxOutputLength?: number | undefined;
  /** The longest placeholder, in characters; longer ones are plain text. Default 32,768. */
  readonly maxPlaceholderLength?: number | undefined;
}

/** How placeholders look, and what is put in their places. */
export interface TextOptions extends RenderingOptions, HydrationLimits {
  /** Names of the tags that are placeholders. Default `handle` and `kest-handle`. */
  readonly tagNames?: readonly string[] | undefined;
}

/** What a resolver goes by. */
export interface ResolvingSettings {
  readonly requestingPrincipal: string;
  readonly allow: ReadonlySet<string> | undefined;
  readonly knownHandles: ReadonlySet<string>;
  readonly onUnresolved: "throw" | "keep";
  readonly maxHandles: number;
}

/** What text is read and written by. */
export interface TextSettings extends RenderingOptions, ScannerOptions {
  readonly maxHandles: number;
  readonly maxOutputLength: number;
}

export const HYDRATE_OPTIONS: ReadonlySet<string> = new Set([
  "requestingPrincipal",
  "allow",
  "knownHandles",
  "onUnresolved",
]);
export const TEXT_OPTIONS: ReadonlySet<string> = new Set([
  "format",
  "stringify",
  "tagNames",
  "maxHandles",
  "maxOutputLength",
  "maxPlaceholderLength",
]);

/** The names of the tags that are placeholders, where no others are given. */
export const DEFAULT_TAG_NAMES: readonly string[] = ["handle", "kest-handle"];
const DEFAULT_MAX_HANDLES = 100;
const DEFAULT_MAX_OUTPUT_LENGTH = 16 * 1024 * 1024;
/** Holds a tag whose safe view is 4 KiB of characters that all had to be escaped. */
const DEFAULT_MAX_PLACEHOLDER_LENGTH = 32 * 1024;
/** Holds an id in any form. */
const MIN_PLACEHOLDER_LENGTH = 128;
const TAG_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Returns what a resolver goes by; members that are not its own are not looked at. */
export function checkHydrateOptions(
  options: HydrateOptions,
  maxHandles: number,
): ResolvingSettings {
  const { requestingPrincipal, allow, knownHandles, onUnresolved = "throw" } = options;
  checkPrincipal(requestingPrincipal, "requestingPrincipal");
  if (onUnresolved !== "throw" && onUnresolved !== "keep") {
    throw new TypeError('onUnresolved must be "throw" or "keep"');
  }
  return {
    requestingPrincipal,
    allow: allow === undefined ? undefined : checkIds(allow, "allow"),
    knownHandles: checkIds(knownHandles ?? [], "knownHandles"),
    onUnresolved,
    maxHandles,
  };
}

/** Returns options for texts with defaults in place; members that are not theirs are not looked at. */
export function checkTextOptions(options: TextOptions): TextSettings {
  const { format = "text", stringify, tagNames = DEFAULT_TAG_NAMES } = options;
  checkFormat(format);
  if (stringify !== undefined && typeof stringify !== "function") {
    throw new TypeError("stringify must be a function");
  }
  return {
    format,
    stringify,
    tagNames: checkTagNames(tagNames),
    bareReferences: "inert",
    ...checkLimits(options),
  };
}

/** Throws unless `format` is one. */
export function checkFormat(format: OutputFormat): void {
  if (!Object.hasOwn(ESCAPES, format)) {
    throw new TypeError(`format must be one of ${Object.keys(ESCAPES).join(", ")}`);
  }
}

/** Returns limits with defaults in place. */
function checkLimits(limits: HydrationLimits): Required<{
  [Name in keyof HydrationLimits]: number;
}> {
  const {
    maxHandles = DEFAULT_MAX_HANDLES,
    maxOutputLength = DEFAULT_MAX_OUTPUT_LENGTH,
    maxPlaceholderLength = DEFAULT_MAX_PLACEHOLDER_LENGTH,
  } = limits;
  const max = 2 ** 32;
  checkInteger(maxHandles, "maxHandles", { min: 0, max });
  checkInteger(maxOutputLength, "maxOutputLength", { min: 0, max });
  checkInteger(maxPlaceholderLength, "maxPlaceholderLength", { min: MIN_PLACEHOLDER_LENGTH, max });
  return { maxHandles, maxOutputLength, maxPlaceholderLength };
}

/** Throws unless `name` can be the name of a tag. */
export function checkTagName(name: unknown): asserts name is string {
  if (typeof name !== "string") throw new TypeError("a tag name must be a string");
  if (!TAG_NAME.test(name)) {
    throw new RangeError("a tag name must be a letter and up to 63 of A-Z a-z 0-9 _ -");
  }
}

/** Throws unless `vault` is one, and the options have no members but the known ones. */
export function checkVaultAndOptions(
  vault: Vault,
  options: unknown,
  ...known: readonly ReadonlySet<string>[]
): void {
  checkMethods(vault, "vault", ["unsealMany"]);
  checkOptions(options, "options", new Set(known.flatMap((names) => [...names])));
}

function checkTagNames(names: readonly string[]): readonly string[] {
  if (!Array.isArray(names)) throw new TypeError("tagNames must be an array of strings");
  const given: unknown[] = [...names];
  for (const name of given) checkTagName(name);
  return given as string[];
}

/** A string would be taken for a list of its characters. */
function checkIds(references: HandleReferences, name: string): ReadonlySet<string> {
  if (!Array.isArray(references) && !isSet(references)) {
    throw new TypeError(`${name} must be an array or a set of handles or ids`);
  }
  return new Set(Array.from(references, (one) => handleIdOf(one, `each of ${name}`)));
}

/** The options of hydration, and their validation. */

import { isSet } from "../../primitives/kinds.js";
import { checkInteger, checkMethods, checkOptions, checkPrincipal } from "../../vault/checks.js";
import { type HandleReference, handleIdOf } from "../../vault/handle.js";
import type { Vault } from "../../vault/vault.js";
import type { ScannerOptions } from "../forms/scanner.js";
import { DEFAULT_TAG_NAMES } from "../forms/tag-form.js";
import { ESCAPES, type OutputFormat } from "./output-format.js";
import type { RenderingOptions } from "./rendering.js";

/** Handles or their ids. */
export type HandleReferences = readonly HandleReference[] | ReadonlySet<HandleReference>;

/** The principal that opens handles, and the handles that may be opened. */
export interface HydrateOptions {
  /** The principal that requests the payloads from the vault. */
  readonly requestingPrincipal: string;
  /**
   * The handles, or their ids, that may be opened. All other references stay unchanged and are reported, even
   * if the principal may open them. Set this for every text that a model or another untrusted source has
   * written, because it may name a handle of another user. Default: all handles that the principal may open.
   */
  readonly allow?: HandleReferences | undefined;
  /**
   * Handles, or their ids, to compare unknown ids with: the report suggests the nearest one. At most 1,000
   * are used, and at most 10,000 comparisons are made for one text.
   */
  readonly knownHandles?: HandleReferences | undefined;
  /** Whether references that cannot be hydrated throw (default) or stay unchanged. */
  readonly onUnresolved?: "throw" | "keep" | undefined;
}

/** Limits on time and memory. */
export interface HydrationLimits {
  /** The maximum number of handles to open for one text. Default 100. */
  readonly maxHandles?: number | undefined;
  /** The maximum length of the output, in characters (UTF-16 code units). Default 16,777,216. */
  readonly maxOutputLength?: number | undefined;
  /** The maximum length of a placeholder, in characters; longer ones are plain text. Default 32,768. */
  readonly maxPlaceholderLength?: number | undefined;
}

/** The syntax of placeholders, and the form of inserted text. */
export interface TextOptions extends RenderingOptions, HydrationLimits {
  /** The names of tags that are placeholders. Default `handle` and `kest-handle`. */
  readonly tagNames?: readonly string[] | undefined;
}

/** The validated options of a resolver. */
export interface ResolvingSettings {
  readonly requestingPrincipal: string;
  readonly allow: ReadonlySet<string> | undefined;
  readonly knownHandles: ReadonlySet<string>;
  readonly onUnresolved: "throw" | "keep";
  readonly maxHandles: number;
}

/** The validated options for reading and writing text. */
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

const DEFAULT_MAX_HANDLES = 100;
const DEFAULT_MAX_OUTPUT_LENGTH = 16 * 1024 * 1024;
/** Long enough for a tag with a safe view of 4 KiB in which every character is escaped. */
const DEFAULT_MAX_PLACEHOLDER_LENGTH = 32 * 1024;
/** Long enough for an id in any form. */
const MIN_PLACEHOLDER_LENGTH = 128;
const TAG_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Returns the validated options of a resolver; ignores other members. */
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

/** Returns the text options with defaults applied; ignores other members. */
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

/** Throws unless `format` is a known format. */
export function checkFormat(format: OutputFormat): void {
  if (!Object.hasOwn(ESCAPES, format)) {
    throw new TypeError(`format must be one of ${Object.keys(ESCAPES).join(", ")}`);
  }
}

/** Returns the limits with defaults applied. */
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

/** Throws unless `name` is a valid tag name. */
export function checkTagName(name: unknown): asserts name is string {
  if (typeof name !== "string") throw new TypeError("a tag name must be a string");
  if (!TAG_NAME.test(name)) {
    throw new RangeError("a tag name must be a letter and up to 63 of A-Z a-z 0-9 _ -");
  }
}

/** Throws unless `vault` is a vault and the options have only known members. */
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

/** Rejects a string, which would be treated as a list of its characters. */
function checkIds(references: HandleReferences, name: string): ReadonlySet<string> {
  if (!Array.isArray(references) && !isSet(references)) {
    throw new TypeError(`${name} must be an array or a set of handles or ids`);
  }
  return new Set(Array.from(references, (one) => handleIdOf(one, `each of ${name}`)));
}

/** Reads objects of options: one table gives the names, the checks, the defaults and the settings' type. */
import { checkInteger, checkMethods, checkOptions } from "./checks.js";

/** Throws unless a value has the type; `place` names the value in the error. */
export type Check<T> = (value: unknown, place: string) => asserts value is T;

/** Returns the setting for the value of an option, which is `undefined` if the option is absent. */
export type Option<T> = (value: unknown, place: string) => T;

/** How each option is read. Its names are the names that the options may have. */
export type OptionsTable<Settings> = {
  readonly [Name in keyof Settings]-?: Option<Settings[Name]>;
};

/** Options as they are once they are read: the named ones have defaults, the others may be `undefined`. */
export type WithDefaults<Options, Names extends keyof Options = never> = {
  readonly [Name in keyof Options]-?: Name extends Names
    ? Exclude<Options[Name], undefined>
    : Options[Name];
};

/** What the errors of one object of options say of it. */
export interface OptionsName {
  /** The object itself. Default `"options"`. */
  readonly name?: string;
  /** The text in front of an option's name. Default `"options."`. */
  readonly prefix?: string;
}

/**
 * Returns the settings for an object of options.
 *
 * @throws TypeError The value is no object, has an option that the table lacks, or inherits one.
 * @throws TypeError RangeError The check of an option fails. The error names the option, never its value.
 *
 * @example
 * ```ts
 * interface Options { readonly attempts?: number | undefined; readonly vault?: Vault | undefined }
 * type Settings = WithDefaults<Options, "attempts">;
 *
 * const TABLE: OptionsTable<Settings> = {
 *   attempts: optional(integerWithin(1, 10), 3),
 *   vault: optional(withMethods<Vault>("unseal")),
 * };
 * readOptions({}, TABLE); // { attempts: 3, vault: undefined }
 * ```
 */
export function readOptions<Settings extends object>(
  options: unknown,
  table: OptionsTable<Settings>,
  { name = "options", prefix = "options." }: OptionsName = {},
): Settings {
  checkOptions(options, name, new Set(Object.keys(table)));
  const given = options as Readonly<Record<string, unknown>>;
  const settings: Record<string, unknown> = {};
  for (const option of Object.keys(table) as (keyof Settings & string)[]) {
    settings[option] = table[option](given[option], prefix + option);
  }
  return settings as Settings;
}

/** Returns an option that must be given. */
export function required<T>(check: Check<T>): Option<T> {
  return (value, place) => checked(value, place, check);
}

/** Returns an option that may be absent: then its setting is `fallback`. */
export function optional<T>(check: Check<T>): Option<T | undefined>;
export function optional<T>(check: Check<T>, fallback: T): Option<T>;
export function optional<T>(check: Check<T>, fallback?: T): Option<T | undefined> {
  return (value, place) => (value === undefined ? fallback : checked(value, place, check));
}

/** Returns a check for whole numbers. */
export function integerWithin(min: number, max: number): Check<number> {
  return (value, place) => checkInteger(value, place, { min, max });
}

/** Returns a check for objects that have all of the methods. */
export function withMethods<T>(...methods: readonly (keyof T & string)[]): Check<T> {
  return (value, place) => checkMethods(value, place, methods);
}

/** Returns the same check, whose error names what usually has the methods. */
export function such<T>(what: string, ...methods: readonly (keyof T & string)[]): Check<T> {
  return (value, place) => checkMethods(value, place, methods, what);
}

/** Returns a check for one of a few texts. */
export function oneOf<T extends string>(...texts: readonly T[]): Check<T> {
  return (value, place) => {
    if ((texts as readonly unknown[]).includes(value)) return;
    throw new TypeError(`${place} must be ${texts.map((text) => `"${text}"`).join(" or ")}`);
  };
}

/** Returns a check for functions, whose parameters nothing can check. */
export function callable<T extends (...given: never[]) => unknown>(): Check<T> {
  return (value, place) => {
    if (typeof value !== "function") throw new TypeError(`${place} must be a function`);
  };
}

function checked<T>(value: unknown, place: string, check: Check<T>): T {
  // An assertion needs a reference whose type is written out.
  const ensure: Check<T> = check;
  ensure(value, place);
  return value;
}

/** Maps keys of records to keys of the server: in ASCII, with head and body of a record in one hash slot. */
import { checkKeyPrefix } from "./options.js";

const PLAIN = /^[\w-]+$/;
const SPECIAL = /[^\w-]/g;
const ESCAPED = /~([0-9a-f]{4})/g;
/** The escaped form of the empty key, because Redis does not treat `{}` as a hash tag. No other key has it. */
const EMPTY = "~";
const BODY_SUFFIX = ":b";

/** The keys of one cache. */
export class KeySpace {
  readonly #opening: string;

  constructor(prefix: string) {
    checkKeyPrefix(prefix);
    this.#opening = `${prefix}{`;
  }

  /** The pattern that matches every key of the cache. */
  get pattern(): string {
    return `${this.#opening}*`;
  }

  headOf(key: string): string {
    return `${this.#opening}${PLAIN.test(key) ? key : escaped(key)}}`;
  }

  /** Returns the record's key for the server's key of a head, `undefined` for other keys. */
  keyOf(serverKey: string): string | undefined {
    if (!serverKey.startsWith(this.#opening) || !serverKey.endsWith("}")) return undefined;
    const tag = serverKey.slice(this.#opening.length, -1);
    if (tag === EMPTY) return "";
    return tag.replace(ESCAPED, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/** Escapes UTF-16 code units rather than bytes, because keys may contain lone surrogates. */
function escaped(key: string): string {
  if (key === "") return EMPTY;
  return key.replace(SPECIAL, (unit) => `~${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Returns the server's key of a body for that of its head. */
export function bodyKeyOf(headKey: string): string {
  return headKey + BODY_SUFFIX;
}

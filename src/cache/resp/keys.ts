/** How the keys of records become keys of the server: ASCII, in one hash slot for each record. */
import { checkKeyPrefix } from "./options.js";

const PLAIN = /^[\w-]+$/;
const SPECIAL = /[^\w-]/g;
const ESCAPED = /~([0-9a-f]{4})/g;
/** No other key is escaped to this: an empty hash tag would not be one. */
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

  /** Returns the key of the record whose head a server's key names; nothing for other keys. */
  keyOf(serverKey: string): string | undefined {
    if (!serverKey.startsWith(this.#opening) || !serverKey.endsWith("}")) return undefined;
    const tag = serverKey.slice(this.#opening.length, -1);
    if (tag === EMPTY) return "";
    return tag.replace(ESCAPED, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/** Escapes UTF-16 units rather than bytes: halves of a surrogate pair are characters of keys too. */
function escaped(key: string): string {
  if (key === "") return EMPTY;
  return key.replace(SPECIAL, (unit) => `~${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Returns the key of the body that belongs to the head of a key. */
export function bodyKeyOf(headKey: string): string {
  return headKey + BODY_SUFFIX;
}

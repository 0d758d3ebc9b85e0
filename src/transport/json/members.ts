/** Checks the members of JSON objects: no duplicates, and not too many distinct names for a parser. */
import { RequestTooLargeError } from "../../vault/errors.js";

/**
 * The number of members in a request from which distinct names are counted, and then the maximum of those.
 */
export const MAX_NAMES = 100_000;
const RECENT_NAMES = 1024;

type Members = Readonly<Record<string, unknown>>;

/** Returns whether the objects in parsed JSON have so many members, over all levels. */
export function hasMembers(value: unknown, count: number): boolean {
  return (isPolluted() ? countExactly(value) : countQuickly(value)) === count;
}

/** Returns whether `Object.prototype` has enumerable members, which the fast count would include. */
function isPolluted(): boolean {
  for (const _ in {}) return true;
  return false;
}

function countQuickly(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index];
      if (typeof item === "object" && item !== null) count += countQuickly(item);
    }
    return count;
  }
  for (const name in value) {
    const member = (value as Members)[name];
    count += 1;
    if (typeof member === "object" && member !== null) count += countQuickly(member);
  }
  return count;
}

function countExactly(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const members: unknown[] = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((count, member) => count + countExactly(member), own);
}

/**
 * Counts distinct names of members. The engine keeps each of them, at several times the cost of a repeated
 * name: a request full of new ones would take seconds to parse.
 */
export class NameCount {
  readonly #text: string;
  readonly #names = new Set<string>();
  /** The rows of a table repeat a few names: most are found here, without creating a substring. */
  readonly #recent = Array<string>(RECENT_NAMES).fill("");

  constructor(text: string) {
    this.#text = text;
  }

  /** Counts the name at a position in the text. @throws RequestTooLargeError There are too many. */
  add(start: number, end: number): void {
    const text = this.#text;
    const length = end - start;
    const hash = 31 * length + 7 * text.charCodeAt(start) + text.charCodeAt(end - 1);
    const slot = hash % RECENT_NAMES;
    const known = this.#recent[slot];
    if (known?.length === length && isAt(text, start, known)) return;
    const name = text.slice(start, end);
    this.#recent[slot] = name;
    this.#names.add(name);
    if (this.#names.size > MAX_NAMES) throw new RequestTooLargeError();
  }
}

/** Names are short: a call of the engine's own `startsWith` takes several times as long. */
function isAt(text: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (text.charCodeAt(start + index) !== name.charCodeAt(index)) return false;
  }
  return true;
}

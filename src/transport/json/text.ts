/**
 * Parses JSON texts from other processes, and writes JSON texts for them.
 *
 * For some texts `JSON.parse` silently returns a different value than they state. Such texts are refused
 * first,
 * by one scan in time linear in their length.
 *
 * @module
 */

import { rangeFault } from "../../vault/argument-errors.js";
import { RequestTooLargeError } from "../../vault/errors.js";
import { hasMembers, MAX_NAMES, NameCount } from "./members.js";
import { scanJson } from "./scan.js";

/** The maximum nesting depth of a request. */
const MAX_REQUEST_DEPTH = 64;
/** The maximum nesting depth of a response: the 256 levels of a payload, and those around it. */
const MAX_ANSWER_DEPTH = 272;
const LARGEST_INTEGER = "9007199254740992";

/**
 * The maximum number of arrays and objects in a request: each costs many times as much as a number or a
 * string.
 */
const MAX_CONTAINERS = 1_000_000;

/**
 * Returns the value of a request's JSON text.
 *
 * @throws RangeError The text nests more than 64 levels deep, or has an integer beyond 2^53, a number that
 * overflows, or an object with the same member twice.
 * @throws SyntaxError The text is not JSON.
 * @throws {@link RequestTooLargeError} The text has over 1,000,000 arrays and objects, or too many
 * distinct names of members: 100,000 after the first 100,000 members.
 */
export function readJsonParams(text: string): unknown {
  let [containers, members] = [0, 0];
  let names: NameCount | undefined;
  scanJson(text, {
    nested: (depth) => {
      checkDepth(depth, MAX_REQUEST_DEPTH);
      if (++containers > MAX_CONTAINERS) throw new RequestTooLargeError();
    },
    number: (start, end) => {
      const literal = text.slice(start, end);
      if (isBeyondIntegers(literal)) throw rangeFault("params", "safeIntegers");
      checkFinite(literal);
    },
    name: (start, end) => {
      members += 1;
      if (members <= MAX_NAMES) return;
      names ??= new NameCount(text);
      names.add(start, end);
    },
  });
  return withoutTwins(parse(text), members);
}

/**
 * Returns the value of a response's JSON text. Accepts integers beyond 2^53 if a double represents them
 * exactly, because code in the service's process may have sealed them.
 *
 * @throws RangeError The text nests too deep, has a number that parsing would change, or a member twice.
 * @throws SyntaxError The text is not JSON.
 */
export function readJsonResponse(text: string): unknown {
  let members = 0;
  scanJson(text, {
    nested: (depth) => checkDepth(depth, MAX_ANSWER_DEPTH),
    number: (start, end) => {
      const literal = text.slice(start, end);
      if (isBeyondIntegers(literal) && !isDouble(literal)) {
        throw rangeFault("params", "safeIntegers");
      }
      checkFinite(literal);
    },
    name: () => {
      members += 1;
    },
  });
  return withoutTwins(parse(text), members);
}

/**
 * Returns JSON data as text. Writes whole numbers beyond 2^53 with a fraction, which marks them as doubles,
 * so
 * that no reader treats them as exact integers.
 */
export function writeJson(data: unknown): string {
  const text = JSON.stringify(data);
  if (!/\d{16}/.test(text)) return text;
  const pieces: string[] = [];
  let copied = 0;
  scanJson(text, {
    nested: () => undefined,
    name: () => undefined,
    number: (start, end) => {
      if (!isBeyondIntegers(text.slice(start, end))) return;
      pieces.push(text.slice(copied, end), ".0");
      copied = end;
    },
  });
  return pieces.join("") + text.slice(copied);
}

/** The parser keeps the last of two members with one name; other parsers keep the first. */
function withoutTwins(value: unknown, members: number): unknown {
  if (hasMembers(value, members)) return value;
  throw rangeFault("params", "noMemberTwice");
}

function checkDepth(depth: number, max: number): void {
  if (depth > max) throw rangeFault("params", "maxDepth", max);
}

/** A literal that is not a number is left to the parser. */
function checkFinite(literal: string): void {
  if (Math.abs(Number(literal)) === Number.POSITIVE_INFINITY) {
    throw rangeFault("params", "doubles");
  }
}

/** A fraction or an exponent marks a double. A literal that is not a number is left to the parser. */
function isBeyondIntegers(literal: string): boolean {
  if (literal.length < LARGEST_INTEGER.length || !/^-?\d+$/.test(literal)) return false;
  const digits = literal.startsWith("-") ? literal.slice(1) : literal;
  if (digits.length !== LARGEST_INTEGER.length) return digits.length > LARGEST_INTEGER.length;
  return digits > LARGEST_INTEGER;
}

/** Returns whether a double has exactly this value, or JavaScript writes it like this. */
function isDouble(literal: string): boolean {
  // The largest double has 309 digits; a longer literal need not be examined.
  if (literal.length > 310) return false;
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  return String(value) === literal || BigInt(value) === BigInt(literal);
}

/** The parser's own error would quote the text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SyntaxError("The text is not JSON.");
  }
}

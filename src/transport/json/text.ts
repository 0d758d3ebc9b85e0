/**
 * JSON texts that come from others, and JSON texts for others.
 *
 * `JSON.parse` makes of some texts another value than they say: what it would change silently is
 * refused before, by one look at the text that takes time in proportion to its length.
 *
 * @module
 */

import { rangeFault } from "../../vault/argument-errors.js";
import { RequestTooLargeError } from "../../vault/errors.js";
import { hasMembers, MAX_NAMES, NameCount } from "./members.js";
import { scanJson } from "./scan.js";

/** How deep a request may nest. */
const MAX_REQUEST_DEPTH = 64;
/** How deep an answer may nest: a payload's 256 levels, and what is around it. */
const MAX_ANSWER_DEPTH = 272;
const LARGEST_INTEGER = "9007199254740992";

/** How many arrays and objects a request may have: each costs many times what a number or a text does. */
const MAX_CONTAINERS = 1_000_000;

/**
 * Returns what the JSON text of a request says.
 *
 * @throws RangeError It nests more than 64 levels deep, has an integer beyond 2^53, a number that
 *   overflows, or an object with the same member twice.
 * @throws SyntaxError It is not JSON.
 * @throws {@link RequestTooLargeError} It has over 1,000,000 arrays and objects, or too many
 *   different names of members: 100,000 after the first 100,000 members.
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
 * Returns what the JSON text of an answer says. Integers beyond 2^53 are let through if they are those
 * that a double stands for: they were sealed in the service's process.
 *
 * @throws RangeError It nests too deep, has a number that would be changed, or a member twice.
 * @throws SyntaxError It is not JSON.
 */
export function readJsonAnswer(text: string): unknown {
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
 * Returns JSON data as text. Whole numbers beyond 2^53 are written with a fraction, as the doubles
 * they are, so that no reader takes them for exact integers.
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

/** The parser keeps the last of two members of one name; others keep the first. */
function withoutTwins(value: unknown, members: number): unknown {
  if (hasMembers(value, members)) return value;
  throw rangeFault("params", "noMemberTwice");
}

function checkDepth(depth: number, max: number): void {
  if (depth > max) throw rangeFault("params", "maxDepth", max);
}

/** What is no number at all is left to the parser. */
function checkFinite(literal: string): void {
  if (Math.abs(Number(literal)) === Number.POSITIVE_INFINITY) {
    throw rangeFault("params", "doubles");
  }
}

/** Fractions and exponents say that a double is meant; what is no number is left to the parser. */
function isBeyondIntegers(literal: string): boolean {
  if (literal.length < LARGEST_INTEGER.length || !/^-?\d+$/.test(literal)) return false;
  const digits = literal.startsWith("-") ? literal.slice(1) : literal;
  if (digits.length !== LARGEST_INTEGER.length) return digits.length > LARGEST_INTEGER.length;
  return digits > LARGEST_INTEGER;
}

/** Whether a double has exactly this value, or is written like this by JavaScript. */
function isDouble(literal: string): boolean {
  // The largest double has 309 digits; a longer literal is not worth the look.
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

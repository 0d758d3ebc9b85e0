/**
 * JSON texts that come from others, and JSON texts for others.
 *
 * `JSON.parse` makes of some texts another value than they say: what it would change silently is
 * refused before, by one look at the text that takes time in proportion to its length.
 *
 * @module
 */

/** How deep a request may nest. */
const MAX_REQUEST_DEPTH = 64;
/** How deep an answer may nest: a payload's 256 levels, and what is around it. */
const MAX_ANSWER_DEPTH = 272;
const LARGEST_INTEGER = "9007199254740992";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What is told of a text from its start to its end, strings left out. */
interface Visitor {
  /** An array or object begins, as the `depth`th within each other. */
  nested(depth: number): void;
  /** A number, by its place in the text. */
  number(start: number, end: number): void;
}

/**
 * Returns what the JSON text of a request says.
 *
 * @throws RangeError It nests more than 64 levels deep, has an integer beyond 2^53, or a number that
 *   overflows.
 * @throws SyntaxError It is not JSON.
 */
export function readJsonParams(text: string): unknown {
  scan(text, {
    nested: (depth) => checkDepth(depth, MAX_REQUEST_DEPTH),
    number: (start, end) => {
      const literal = text.slice(start, end);
      if (isBeyondIntegers(literal)) throw new RangeError("an integer must not be beyond 2^53");
      checkFinite(literal);
    },
  });
  return parse(text);
}

/**
 * Returns what the JSON text of an answer says. Integers beyond 2^53 are let through if they are those
 * that a double stands for: they were sealed in the service's process.
 *
 * @throws RangeError It nests too deep, or has a number that would be changed.
 * @throws SyntaxError It is not JSON.
 */
export function readJsonAnswer(text: string): unknown {
  scan(text, {
    nested: (depth) => checkDepth(depth, MAX_ANSWER_DEPTH),
    number: (start, end) => {
      const literal = text.slice(start, end);
      if (isBeyondIntegers(literal) && !isDouble(literal)) {
        throw new RangeError("an integer must not be beyond 2^53");
      }
      checkFinite(literal);
    },
  });
  return parse(text);
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
  scan(text, {
    nested: () => undefined,
    number: (start, end) => {
      if (!isBeyondIntegers(text.slice(start, end))) return;
      pieces.push(text.slice(copied, end), ".0");
      copied = end;
    },
  });
  return pieces.join("") + text.slice(copied);
}

function checkDepth(depth: number, max: number): void {
  if (depth > max) throw new RangeError(`a JSON text must not nest more than ${max} levels deep`);
}

/** What is no number at all is left to the parser. */
function checkFinite(literal: string): void {
  if (Math.abs(Number(literal)) === Number.POSITIVE_INFINITY) {
    throw new RangeError("a number must not be larger than a double can be");
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

function scan(text: string, visitor: Visitor): void {
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = endOfString(text, at);
    } else if (isDigit(unit) || unit === 0x2d) {
      const end = endOfNumber(text, at);
      visitor.number(at, end);
      at = end;
    } else {
      if (unit === 0x5b || unit === 0x7b) visitor.nested(++depth);
      else if (unit === 0x5d || unit === 0x7d) depth -= 1;
      at += 1;
    }
  }
}

/** Returns the place after a string's closing quote: the first one that nothing escapes. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

/** An odd number of backslashes before it; the opening quote ends the count at the latest. */
function isEscaped(text: string, quote: number): boolean {
  let before = quote - 1;
  while (text.charCodeAt(before) === BACKSLASH) before -= 1;
  return (quote - before) % 2 === 0;
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (isNumberPart(text.charCodeAt(end))) end += 1;
  return end;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Digits, `+`, `-`, `.`, `E` and `e`; not the NaN behind the end. */
function isNumberPart(unit: number): boolean {
  return (
    isDigit(unit) ||
    unit === 0x2b ||
    unit === 0x2d ||
    unit === 0x2e ||
    unit === 0x45 ||
    unit === 0x65
  );
}

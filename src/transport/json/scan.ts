/** Scans a JSON text once, in time linear in its length. Leaves syntax errors to the parser. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** The callbacks for a text, from its start to its end. */
export interface JsonVisitor {
  /** An array or object begins at nesting level `depth`. */
  nested(depth: number): void;
  /** A number, by its position in the text. */
  number(start: number, end: number): void;
  /** A member's name, by the position of the text between its quotes. */
  name(start: number, end: number): void;
}

export function scanJson(text: string, visitor: JsonVisitor): void {
  let depth = 0;
  let at = 0;
  let [nameStart, nameEnd] = [0, 0];
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      nameStart = at + 1;
      at = endOfString(text, at);
      nameEnd = at - 1;
    } else if (isDigit(unit) || unit === 0x2d) {
      const end = endOfNumber(text, at);
      visitor.number(at, end);
      at = end;
    } else {
      if (unit === 0x5b || unit === 0x7b) visitor.nested(++depth);
      else if (unit === 0x5d || unit === 0x7d) depth -= 1;
      else if (unit === COLON) visitor.name(nameStart, nameEnd);
      at += 1;
    }
  }
}

/** Returns the position after a string's closing quote: the first quote that is not escaped. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

/** True for an odd number of backslashes before the quote. The opening quote ends the count at the latest. */
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

/** Digits, `+`, `-`, `.`, `E` and `e`; false for the NaN after the end of the text. */
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

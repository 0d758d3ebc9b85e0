const NOT_ASCII = /[^\0-\x7f]/;
/**
 * Matches the characters that need a lookup. ASCII needs upper case only, and unified ideographs, which
 * are frequent in texts that have them, need nothing.
 */
const FOREIGN = /[^\0-\x7f\u3400-\u4dbf\u4e00-\u9fff]+/gu;
/** Matches accents and other marks, and invisible characters: zero-width, soft hyphens, variant selectors. */
const UNSEEN = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu;
const FOREIGN_DIGIT = /(?![0-9])\p{Nd}/gu;
const DECIMAL_DIGIT = /^\p{Nd}$/u;

/** A cache of folded characters: texts repeat the same few characters beyond ASCII. */
const known = new Map<string, string>();
const MAX_KNOWN = 4096;
/**
 * Long texts are folded in pieces of this length. In one piece, V8 would keep an object for each
 * concatenation until the end, and collecting that garbage took longer than all other work.
 */
const PIECE_CHARACTERS = 16_384;

/**
 * Returns the form of a text that is compared: without case, accents, widths, ligatures and invisible
 * characters.
 *
 * Source: compatibility decomposition of Unicode (UAX #15), then full upper case, which makes ß equal to
 * SS, and ς equal to σ. Digits of every script become ASCII digits. Without marks, none of these steps
 * depends on neighbouring characters, so only characters beyond ASCII are processed one by one.
 */
export function fold(text: string): string {
  if (text.length <= PIECE_CHARACTERS) return foldPiece(text);
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = endOfPiece(text, start + PIECE_CHARACTERS);
    pieces.push(foldPiece(text.slice(start, end)));
    start = end;
  }
  return pieces.join("");
}

/** Returns the end of a piece, moved by one unit if it would separate a surrogate pair. */
function endOfPiece(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? end + 1 : end;
}

function foldPiece(text: string): string {
  let folded = "";
  let end = 0;
  FOREIGN.lastIndex = 0;
  // Faster than `replace` with a callback, whose call costs more than everything else for a short text.
  for (let found = FOREIGN.exec(text); found !== null; found = FOREIGN.exec(text)) {
    folded += text.slice(end, found.index);
    for (const character of found[0]) folded += foldCharacter(character);
    end = FOREIGN.lastIndex;
  }
  return (folded + text.slice(end)).toUpperCase();
}

function foldCharacter(character: string): string {
  const seen = known.get(character);
  if (seen !== undefined) return seen;
  const upper = character.normalize("NFKD").toUpperCase();
  const folded = upper.replace(UNSEEN, "").replace(FOREIGN_DIGIT, asciiDigit);
  if (known.size < MAX_KNOWN) known.set(character, folded);
  return folded;
}

/** Returns a text with ASCII letters in upper case and all other characters unchanged. */
export function upperCaseAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** Returns whether a text has ASCII characters only. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/**
 * Returns the ASCII digit for a digit of any script. Decimal digits are encoded in ranges from zero to nine
 * (The Unicode Standard, 4.6), so the position in its range is the value.
 */
function asciiDigit(digit: string): string {
  const code = Number(digit.codePointAt(0));
  let before = 0;
  while (DECIMAL_DIGIT.test(String.fromCodePoint(code - before - 1))) before += 1;
  return String(before % 10);
}

const NOT_ASCII = /[^\0-\x7f]/;
/** What may be folded: nothing of ASCII but case, and no unified ideographs, which texts have many of. */
const FOREIGN = /[^\0-\x7f\u3400-\u4dbf\u4e00-\u9fff]+/gu;
/** Accents and other marks, and what shows nothing: zero-width characters, soft hyphens, variants. */
const UNSEEN = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu;
const FOREIGN_DIGIT = /(?![0-9])\p{Nd}/gu;
const DECIMAL_DIGIT = /^\p{Nd}$/u;

/** Single characters as they are compared: texts use few that are not ASCII, over and over. */
const known = new Map<string, string>();
const MAX_KNOWN = 4096;
/**
 * Long texts are folded in pieces. The engine would join all characters of one only at the end, and keep
 * an object for each until then: collecting those took longer than all the rest.
 */
const PIECE_CHARACTERS = 16_384;

/**
 * Returns a text as it is compared: without case, accents, widths, ligatures and what shows nothing.
 *
 * Source: compatibility decomposition of Unicode (UAX #15), then full upper case, which is what joins
 * ß and SS, ς and σ. Digits of every script become those of ASCII. None of that depends on what stands
 * before or after, once marks are left out, so that only what is not ASCII is looked at.
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

/** Both halves of a character that takes two units stay together. */
function endOfPiece(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? end + 1 : end;
}

function foldPiece(text: string): string {
  let folded = "";
  let end = 0;
  FOREIGN.lastIndex = 0;
  // A replacer would do, but calling one costs more than all the rest for a short text.
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

/** Returns a text with the letters of ASCII in upper case, and everything else as it is. */
export function upperCaseAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** Tells whether a text has ASCII characters only. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** Decimal digits come in tens, from zero to nine (The Unicode Standard, 4.6). */
function asciiDigit(digit: string): string {
  const code = Number(digit.codePointAt(0));
  let before = 0;
  while (DECIMAL_DIGIT.test(String.fromCodePoint(code - before - 1))) before += 1;
  return String(before % 10);
}

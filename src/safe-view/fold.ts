const NOT_ASCII = /[^\0-\x7f]/;
/** Accents and other marks, and what shows nothing: zero-width characters, soft hyphens, variants. */
const UNSEEN = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu;
const FOREIGN_DIGIT = /(?![0-9])\p{Nd}/gu;
const DECIMAL_DIGIT = /^\p{Nd}$/u;

/**
 * Returns a text as it is compared: without case, accents, widths, ligatures and what shows nothing.
 *
 * Source: compatibility decomposition of Unicode (UAX #15), then full upper case, which is what joins
 * ß and SS, ς and σ. Digits of every script become those of ASCII.
 */
export function fold(text: string): string {
  const upper = isAscii(text) ? text.toUpperCase() : text.normalize("NFKD").toUpperCase();
  if (isAscii(upper)) return upper;
  return upper.replace(UNSEEN, "").replace(FOREIGN_DIGIT, asciiDigit);
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

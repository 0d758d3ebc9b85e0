/** Escapes for text in HTML, XML and attributes. */

const NAMED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const NAMES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** Returns the text escaped for use between tags and in quoted attributes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => NAMED[character] ?? character);
}

/**
 * Returns the text escaped for an attribute of a tag for models: on one line, and without characters that
 * open a tag or a placeholder.
 */
export function escapeAttribute(text: string): string {
  return escapeMarkup(text).replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029{]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** Returns an attribute's text with numeric character references and the named ones of XML decoded. */
export function unescapeMarkup(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi,
    (whole, hex, decimal, name) =>
      name === undefined
        ? characterAt(Number.parseInt(hex ?? decimal, hex === undefined ? 10 : 16), whole)
        : (NAMES.get(name) ?? whole),
  );
}

function characterAt(codePoint: number, otherwise: string): string {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : otherwise;
}

/** Parses the text into which Node joins all names of a certificate. */

/** One name of a certificate: its kind in Node's spelling, such as `URI` or `DNS`, and its value. */
export interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

// A quoted value may contain ", " followed by a forged name: splitting at commas was CVE-2021-44532.
const ENTRY = /([A-Za-z0-9 ]+):((?:"(?:[^"\\]|\\.)*"|[^",])*)(?:, |$)/y;

/**
 * Returns the names in the text of `X509Certificate.subjectAltName`, in order.
 *
 * @returns `undefined` if any part of the text is not in Node's format, because a text that is only partly
 * understood must not be trusted.
 */
export function readSubjectAltName(text: string): readonly AlternativeName[] | undefined {
  const names: AlternativeName[] = [];
  let position = 0;
  while (position < text.length) {
    ENTRY.lastIndex = position;
    const [whole = "", kind = "", written = ""] = ENTRY.exec(text) ?? [];
    const value = unquoted(written);
    if (whole === "" || value === undefined) return undefined;
    names.push({ kind, value });
    position += whole.length;
  }
  return text.endsWith(", ") ? undefined : names;
}

/** Returns the decoded value. Node writes a value with special characters as JSON text. */
function unquoted(written: string): string | undefined {
  if (!written.startsWith('"')) return written;
  try {
    return String(JSON.parse(written));
  } catch {
    return undefined;
  }
}

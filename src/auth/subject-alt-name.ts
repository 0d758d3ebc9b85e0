/** The names in a certificate, out of the one text that Node makes of them. */

/** One name of a certificate: its kind as Node calls it, such as `URI` or `DNS`, and its value. */
export interface AlternativeName {
  readonly kind: string;
  readonly value: string;
}

// A quoted value may hold ", " and a name of its own: splitting at commas was CVE-2021-44532.
const ENTRY = /([A-Za-z0-9 ]+):((?:"(?:[^"\\]|\\.)*"|[^",])*)(?:, |$)/y;

/**
 * Returns the names in the text of `X509Certificate.subjectAltName`, in order.
 *
 * @returns `undefined` if any of the text is not what Node writes: half of a certificate's names
 *   is no ground to believe one of them.
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

/** Returns what a value stands for: Node writes one with special characters as JSON text. */
function unquoted(written: string): string | undefined {
  if (!written.startsWith('"')) return written;
  try {
    return String(JSON.parse(written));
  } catch {
    return undefined;
  }
}

/** Texts as those who read them take them: with escapes resolved, and where each character came from. */
import { Buffer } from "node:buffer";

/** A text, and where each of its code units begins in the text as it was written; and where that ends. */
export interface Reading {
  readonly text: string;
  readonly starts: Uint32Array;
}

/** What an escape stands for, and how long it is. */
interface Escape {
  readonly meant: string;
  readonly length: number;
}

/** Returns the escape that begins at a place of a text, if one does. */
type ReadEscape = (text: string, at: number) => Escape | undefined;

/** Returns the ways to read a text: as it is, and as JSON, as JSON in JSON and as part of a URL. */
export function readingsOf(text: string): readonly Reading[] {
  const asWritten = { text, starts: new Uint32Array(text.length + 1) };
  for (let at = 0; at <= text.length; at++) asWritten.starts[at] = at;
  const readings: Reading[] = [asWritten];
  if (text.includes("\\")) {
    const once = readAs(asWritten, jsonEscape);
    readings.push(once);
    if (once.text.includes("\\")) readings.push(readAs(once, jsonEscape));
  }
  if (/[%+]/.test(text)) readings.push(readAs(asWritten, urlEscape));
  return readings;
}

function readAs({ text, starts }: Reading, read: ReadEscape): Reading {
  const meant: string[] = [];
  const meantStarts = new Uint32Array(text.length + 1);
  let units = 0;
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const found = read(text, at);
    const count = found?.meant.length ?? 1;
    for (let unit = 0; unit < count; unit++) meantStarts[units++] = starts[at] ?? 0;
    if (found !== undefined) meant.push(text.slice(from, at), found.meant);
    at += found?.length ?? 1;
    if (found !== undefined) from = at;
  }
  meantStarts[units] = starts[text.length] ?? 0;
  return { text: meant.join("") + text.slice(from), starts: meantStarts };
}

const LETTERS: ReadonlyMap<string, string> = new Map([
  ...['"', "\\", "/"].map((same) => [same, same] as const),
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const UNIT = /^u[0-9a-f]{4}$/i;

function jsonEscape(text: string, at: number): Escape | undefined {
  if (text[at] !== "\\") return undefined;
  const letter = LETTERS.get(text.charAt(at + 1));
  if (letter !== undefined) return { meant: letter, length: 2 };
  const unit = text.slice(at + 1, at + 6);
  if (!UNIT.test(unit)) return undefined;
  return { meant: String.fromCharCode(Number.parseInt(unit.slice(1), 16)), length: 6 };
}

/** In the place of bytes that are no character. */
const NO_CHARACTER = "\ufffd";
const BYTES = /^(?:%[0-9a-f]{2}){1,4}/i;
/** How many bytes a character has, by its first one. */
const LENGTHS: readonly (readonly [least: number, bytes: number])[] = [
  [0xf0, 4],
  [0xe0, 3],
  [0xc0, 2],
  [0, 1],
];

function urlEscape(text: string, at: number): Escape | undefined {
  if (text[at] === "+") return { meant: " ", length: 1 };
  if (text[at] !== "%") return undefined;
  const first = Number.parseInt(text.slice(at + 1, at + 3), 16);
  if (first < 0x80 && /^[0-9a-f]{2}/i.test(text.slice(at + 1, at + 3))) {
    return { meant: String.fromCharCode(first), length: 3 };
  }
  const [written] = BYTES.exec(text.slice(at, at + 12)) ?? [];
  if (written === undefined) return undefined;
  const bytes = Buffer.from(written.replaceAll("%", ""), "hex");
  const [, count = 1] = LENGTHS.find(([least]) => (bytes[0] ?? 0) >= least) ?? [];
  const meant = bytes.subarray(0, count).toString();
  return meant.includes(NO_CHARACTER)
    ? { meant: NO_CHARACTER, length: 3 }
    : { meant, length: 3 * count };
}

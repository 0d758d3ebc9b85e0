/**
 * What a reader may take a safe view for: the text as it stands, and what is encoded in it.
 *
 * JSON escapes (RFC 8259), percent encoding (RFC 3986), base64 and base64url (RFC 4648) and
 * hexadecimal are undone wherever they may stand in the text, at every alignment.
 */
import { Buffer } from "node:buffer";
import { SHORTEST_LEAF } from "./fragments.js";

/** Four bytes take at least so many characters of each encoding. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{6,}/g;
const HEX_RUN = /[0-9A-Fa-f]{8,}/g;
/** Bytes in hexadecimal, one by one, as `48:65 6c` or `0x48, 0x65`. */
const HEX_LIST = /\b(?:0x)?[0-9A-Fa-f]{2}(?:[\s:,;-]{1,2}(?:0x)?[0-9A-Fa-f]{2}){3,}\b/g;
const PERCENT_RUN = /(?:%[0-9A-Fa-f]{2})+/g;
const JSON_ESCAPE = /\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))/g;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
/** Four characters or more that stand one by one, as in `s p e l l e d`. */
const SPELLED = /(?<![\p{L}\p{N}])[\p{L}\p{N}](?:[\s.,_-]{1,2}[\p{L}\p{N}](?![\p{L}\p{N}])){3,}/gu;

/** Returns the texts that may be read in a safe view, its own first. */
export function textsIn(view: string): readonly string[] {
  const written = writtenIn(view);
  return [...written, ...written.flatMap(decodedIn)];
}

/** Returns what is encoded in a safe view. */
export function encodedTextsIn(view: string): readonly string[] {
  return writtenIn(view).flatMap(decodedIn);
}

/** Returns the bytes that may be read in a safe view, one character for each. */
export function bytesIn(view: string): readonly string[] {
  const written = writtenIn(view);
  const bytes = [...written.map((text) => Buffer.from(text)), ...written.flatMap(encodedIn)];
  return bytes.map((some) => some.toString("latin1"));
}

function writtenIn(view: string): readonly string[] {
  const texts = [view];
  if (view.includes("\\")) texts.push(view.replace(JSON_ESCAPE, unescaped));
  // Forms write a space as a plus sign, paths do not.
  if (view.includes("+")) texts.push(percentDecoded(view.replaceAll("+", " ")));
  if (view.includes("%")) texts.push(percentDecoded(view));
  for (const [spelled] of view.matchAll(SPELLED)) texts.push(spelled.replace(/[\s.,_-]/g, ""));
  return texts;
}

function decodedIn(text: string): string[] {
  return encodedIn(text).flatMap(readableIn);
}

function encodedIn(text: string): Buffer[] {
  const found: Buffer[] = [];
  for (const [run] of text.replace(/\r?\n/g, "").matchAll(BASE64_RUN)) {
    for (let start = 0; start < 4; start++) found.push(Buffer.from(run.slice(start), "base64"));
  }
  for (const [run] of text.matchAll(HEX_RUN)) {
    for (let start = 0; start < 2; start++) found.push(Buffer.from(run.slice(start), "hex"));
  }
  for (const [list] of text.matchAll(HEX_LIST)) {
    found.push(Buffer.from(list.replace(/0x|[^0-9A-Fa-f]/g, ""), "hex"));
  }
  return found;
}

/** Most of what is decoded at a wrong place is no text, but for a few characters. */
function readableIn(bytes: Buffer): string[] {
  return bytes
    .toString("utf8")
    .split("\ufffd")
    .filter(({ length }) => length >= SHORTEST_LEAF);
}

function unescaped(_: string, code: string | undefined, short: string): string {
  if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
  return SHORT_ESCAPES[short] ?? short;
}

function percentDecoded(text: string): string {
  return text.replace(PERCENT_RUN, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

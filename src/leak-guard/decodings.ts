/**
 * The texts and bytes that a reader can get from a safe view: its own text, and everything that the
 * text may encode.
 *
 * JSON escapes (RFC 8259), percent encoding (RFC 3986), base64 and base64url (RFC 4648) and
 * hexadecimal are decoded wherever they may occur in the text, at every alignment.
 */
import { Buffer } from "node:buffer";
import { SHORTEST_LEAF } from "./fragments.js";

/** Each encoding needs at least this many characters for four bytes, the length of the shortest leaf. */
const BASE64_RUN = /[A-Za-z0-9+/_-]{6,}/g;
const HEX_RUN = /[0-9A-Fa-f]{8,}/g;
/** Matches bytes in hexadecimal with separators, such as `48:65 6c` or `0x48, 0x65`. */
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
/** Matches four or more single characters with separators, such as `s p e l l e d`. */
const SPELLED = /(?<![\p{L}\p{N}])[\p{L}\p{N}](?:[\s.,_-]{1,2}[\p{L}\p{N}](?![\p{L}\p{N}])){3,}/gu;

/** Returns the text of a safe view, followed by every text that is decoded from it. */
export function textsIn(view: string): readonly string[] {
  const written = writtenIn(view);
  return [...written, ...written.flatMap(decodedIn)];
}

/** Returns only the texts that are decoded from base64 or hexadecimal in a safe view. */
export function encodedTextsIn(view: string): readonly string[] {
  return writtenIn(view).flatMap(decodedIn);
}

/** Returns the bytes of a safe view and those decoded from it, as latin1: one character per byte. */
export function bytesIn(view: string): readonly string[] {
  const written = writtenIn(view);
  const bytes = [...written.map((text) => Buffer.from(text)), ...written.flatMap(encodedIn)];
  return bytes.map((some) => some.toString("latin1"));
}

function writtenIn(view: string): readonly string[] {
  const texts = [view];
  if (view.includes("\\")) texts.push(view.replace(JSON_ESCAPE, unescaped));
  // HTML forms encode a space as a plus sign, URL paths do not: try both.
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

/**
 * Returns the parts of decoded bytes that are valid UTF-8. Decoding at a wrong alignment gives mostly
 * invalid bytes, so parts shorter than the shortest leaf are dropped.
 */
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

/**
 * JSON-RPC messages, and how they travel as lines of text over standard input and output.
 *
 * Source: MCP 2025-11-25, transports, stdio.
 */
import { Buffer } from "node:buffer";
import { isObject, type RequestId } from "../mcp/messages.js";
import { readJsonAnswer } from "../transport/json/text.js";

/** The largest message, in bytes; a longer one is thrown away as it comes. */
export const MAX_MESSAGE_BYTES: number = 16 * 1024 * 1024;
/** The most messages of a batch. */
const MAX_BATCH = 100;

/**
 * What a line says: a message or a batch, nothing that could be one, or one that cannot be read. Over
 * HTTP, where every request has a response, one may end without an answer to a request.
 */
export type ReadLine =
  | { readonly kind: "message"; readonly value: unknown }
  | { readonly kind: "unanswered"; readonly id: RequestId }
  | { readonly kind: "noise" }
  | { readonly kind: "unreadable" };

export const UNREADABLE: ReadLine = { kind: "unreadable" };
const NEWLINE = 0x0a;

/** Reads messages off a stream, each as soon as its line is complete. */
export async function* readMessages(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number = MAX_MESSAGE_BYTES,
): AsyncGenerator<ReadLine> {
  for await (const line of readLines(input, maxBytes)) {
    if (line === "too long") yield UNREADABLE;
    else if (!isBlank(line)) yield readLine(line);
  }
}

async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array | "too long"> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  const endLine = () => {
    const line = length > maxBytes ? "too long" : Buffer.concat(pieces, length);
    pieces = [];
    length = 0;
    return line;
  };
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end));
      yield endLine();
      start = end + 1;
    }
    take(chunk.subarray(start));
  }
  if (length > 0) yield endLine();

  function take(piece: Uint8Array): void {
    length += piece.length;
    if (length > maxBytes) pieces = [];
    else if (piece.length > 0) pieces.push(piece);
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

const decoder = new TextDecoder("utf-8", { fatal: true });
/** Colours of a terminal, which some servers do not switch off. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what such a sequence begins with.
const COLOURS = /^(?:\x1b\[[0-9;]*m)+/;

function readLine(line: Uint8Array): ReadLine {
  const value = parseMessage(line);
  if (value !== undefined) return { kind: "message", value };
  return isDamaged(line) ? UNREADABLE : { kind: "noise" };
}

/**
 * Returns the message, or the batch, that bytes hold; `undefined` where they hold none. Whatever a message
 * travels in, it is read here: what nests too deep, or has numbers that would not come out as they went
 * in, is not read.
 */
export function parseMessage(bytes: Uint8Array): object | undefined {
  try {
    const value = readJsonAnswer(decoder.decode(bytes).replace(COLOURS, ""));
    if (isObject(value)) return value;
    const isBatch = Array.isArray(value) && value.length > 0 && value.length <= MAX_BATCH;
    return isBatch && value.every(isObject) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Within how many bytes a message says that it is one. */
const HEAD_BYTES = 4096;

/**
 * Tells a message, or one line of a message on several, from what a server prints besides: `[INFO] …`,
 * `{ port: 3000 }`.
 */
function isDamaged(line: Uint8Array): boolean {
  const head = Buffer.from(line.subarray(0, HEAD_BYTES)).toString("latin1").trimStart();
  return /^[{[]/.test(head) ? head.includes('"jsonrpc"') : /^"jsonrpc"\s*:/.test(head);
}

/** Returns a message, or a batch, as a line. */
export function messageLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

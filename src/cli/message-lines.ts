/**
 * Reads and writes JSON-RPC messages as lines of text, for standard input and output.
 *
 * Source: MCP 2025-11-25, transports, stdio.
 */
import { Buffer } from "node:buffer";
import { isObject, type RequestId } from "../mcp/protocol/messages.js";
import { readJsonResponse } from "../transport/json/text.js";

/** The maximum size of a message, in bytes. A larger one is discarded while it arrives. */
export const MAX_MESSAGE_BYTES: number = 16 * 1024 * 1024;
/** The maximum number of messages in a batch. */
const MAX_BATCH = 100;

/**
 * The content of a line: a message or batch, text that is not JSON-RPC, or an unreadable message. Over HTTP,
 * where every request has its own response, `unanswered` means that a response ended without the answer to a
 * request.
 */
export type ReadLine =
  | { readonly kind: "message"; readonly value: unknown }
  | { readonly kind: "unanswered"; readonly id: RequestId }
  | { readonly kind: "noise" }
  | { readonly kind: "unreadable" };

export const UNREADABLE: ReadLine = { kind: "unreadable" };
const NEWLINE = 0x0a;

/** Yields the messages of a stream, each as soon as its line is complete. */
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
/** Terminal colour codes, which some servers always print. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what such a sequence begins with.
const COLOURS = /^(?:\x1b\[[0-9;]*m)+/;

function readLine(line: Uint8Array): ReadLine {
  const value = parseMessage(line);
  if (value !== undefined) return { kind: "message", value };
  return isDamaged(line) ? UNREADABLE : { kind: "noise" };
}

/**
 * Returns the message or batch in the bytes; `undefined` if there is none. All transports parse messages
 * here. It rejects values that nest too deep and numbers that would not be written back unchanged.
 */
export function parseMessage(bytes: Uint8Array): object | undefined {
  try {
    const value = readJsonResponse(decoder.decode(bytes).replace(COLOURS, ""));
    if (isObject(value)) return value;
    const isBatch = Array.isArray(value) && value.length > 0 && value.length <= MAX_BATCH;
    return isBatch && value.every(isObject) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The number of bytes at the start of a line in which `isDamaged` looks for signs of a message. */
const HEAD_BYTES = 4096;

/**
 * Returns whether a line is a damaged message or one line of a multi-line message, and not other output of
 * the server such as `[INFO] …` or `{ port: 3000 }`.
 */
function isDamaged(line: Uint8Array): boolean {
  const head = Buffer.from(line.subarray(0, HEAD_BYTES)).toString("latin1").trimStart();
  return /^[{[]/.test(head) ? head.includes('"jsonrpc"') : /^"jsonrpc"\s*:/.test(head);
}

/** Returns a message or batch as a line. */
export function messageLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

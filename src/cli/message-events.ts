/**
 * Extracts JSON-RPC messages from server-sent events, in which a server sends them over HTTP.
 *
 * Source: HTML Living Standard, 9.2.6 (interpreting an event stream); MCP 2025-11-25, transports, Streamable
 * HTTP.
 */
import { Buffer } from "node:buffer";
import { isResponseLike } from "../mcp/protocol/messages.js";
import { MAX_MESSAGE_BYTES, parseMessage, type ReadLine, UNREADABLE } from "./message-lines.js";

/** The receiver of a stream's messages, and the limits on their size. */
export interface EventReading {
  readonly receive: (received: ReadLine) => void;
  /** Whether an unreadable event fails the requests that wait for this stream. */
  readonly endsUnreadable: boolean;
  /** The maximum size of an event's data, in bytes. */
  readonly maxBytes?: number | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");
const NEWLINE = Buffer.from("\n");
/** The maximum number of data lines and separators of an event: each costs memory, even an empty line. */
const MAX_DATA_PIECES = 200_000;
/** The bytes of a line that a field's name and separator may take, besides the value. */
const FIELD_BYTES = 16;

/**
 * Extracts the messages from a stream of events. The remaining stream has an empty event for each event that
 * says where to resume, and for each response an event that holds a response to no request, so that the SDK
 * knows that the response has arrived.
 */
export function takeMessages(reading: EventReading): TransformStream<Uint8Array, Uint8Array> {
  const reader = new EventReader(reading);
  return new TransformStream({
    transform(chunk, controller) {
      for (const left of reader.push(chunk)) controller.enqueue(left);
    },
  });
}

const EMPTY = Buffer.from("data:\n\n");
const ANSWERED = Buffer.from('data: {"jsonrpc":"2.0","id":0,"result":{}}\n\n');

class EventReader {
  readonly #reading: EventReading;
  readonly #lines: LineReader;
  readonly #maxBytes: number;
  #data: Uint8Array[] = [];
  #dataBytes = 0;
  #type = "";
  /**
   * The fields that say where to resume the stream, unchanged. If a name occurs twice, the last one counts.
   */
  readonly #kept = new Map<string, Uint8Array>();
  #isTooLong = false;

  constructor(reading: EventReading) {
    this.#reading = reading;
    this.#maxBytes = reading.maxBytes ?? MAX_MESSAGE_BYTES;
    this.#lines = new LineReader(this.#maxBytes + FIELD_BYTES);
  }

  /** Yields the remaining bytes of the events that end in a chunk of the stream. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    for (const line of this.#lines.push(chunk)) {
      if (line === "too long") this.#giveUp();
      else if (line.length > 0) this.#takeField(line);
      else yield this.#endEvent();
    }
  }

  #takeField(line: Uint8Array): void {
    const colon = line.indexOf(COLON);
    const name = Buffer.from(colon < 0 ? line : line.subarray(0, colon)).toString("latin1");
    const value = colon < 0 ? line.subarray(line.length) : valueAfter(line, colon);
    if (name === "data") this.#takeData(value);
    else if (name === "event") this.#type = Buffer.from(value).toString("latin1");
    else if (name === "id" || name === "retry") this.#kept.set(name, line);
  }

  #takeData(value: Uint8Array): void {
    if (this.#data.length > 0) this.#data.push(NEWLINE);
    this.#data.push(value);
    this.#dataBytes += value.length + 1;
    const hasRoom = this.#dataBytes <= this.#maxBytes + 1;
    if (hasRoom && this.#data.length <= MAX_DATA_PIECES) return;
    this.#giveUp();
  }

  /** Reports an oversized event immediately and only once, because the event may never end. */
  #giveUp(): void {
    this.#data = [];
    this.#dataBytes = 0;
    if (this.#isTooLong) return;
    this.#isTooLong = true;
    this.#reading.receive(UNREADABLE);
  }

  #endEvent(): Uint8Array {
    const left = this.#isTooLong ? this.#afterUnreadable() : this.#dispatch();
    const kept = [...this.#kept.values()].flatMap((line) => [line, NEWLINE]);
    this.#kept.clear();
    this.#data = [];
    this.#dataBytes = 0;
    this.#type = "";
    this.#isTooLong = false;
    return Buffer.concat([...kept, left]);
  }

  #dispatch(): Uint8Array {
    const data = Buffer.concat(this.#data);
    if (data.length === 0 || !(this.#type === "" || this.#type === "message")) return EMPTY;
    const value = parseMessage(data);
    if (value === undefined) {
      this.#reading.receive(UNREADABLE);
      return this.#afterUnreadable();
    }
    const messages = [value].flat();
    for (const one of messages) this.#reading.receive({ kind: "message", value: one });
    return messages.some(isResponseLike) ? ANSWERED : EMPTY;
  }

  #afterUnreadable(): Uint8Array {
    return this.#reading.endsUnreadable ? ANSWERED : EMPTY;
  }
}

function valueAfter(line: Uint8Array, colon: number): Uint8Array {
  return line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
}

/**
 * Splits a stream into lines that end in LF, CR or CRLF. Reports an oversized line as soon as it exceeds the
 * limit, and discards the rest of the line.
 */
class LineReader {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #endedInCr = false;
  #isFirst = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Uint8Array): Generator<Uint8Array | "too long"> {
    const ends = new LineEnds(chunk);
    let start = this.#endedInCr && chunk[0] === LF ? 1 : 0;
    for (let end = ends.after(start); end >= 0; end = ends.after(start)) {
      if (this.#overflows(chunk.subarray(start, end))) yield "too long";
      const line = this.#endLine();
      if (line !== undefined) yield line;
      start = chunk[end] === CR && chunk[end + 1] === LF ? end + 2 : end + 1;
    }
    if (this.#overflows(chunk.subarray(start))) yield "too long";
    if (chunk.length > 0) this.#endedInCr = chunk.at(-1) === CR;
  }

  /** Adds a piece to the current line. Returns whether the line has just exceeded the limit. */
  #overflows(piece: Uint8Array): boolean {
    const wasTooLong = this.#length > this.#maxBytes;
    this.#length += piece.length;
    const isTooLong = this.#length > this.#maxBytes;
    if (isTooLong) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
    return isTooLong && !wasTooLong;
  }

  #endLine(): Uint8Array | undefined {
    const isTooLong = this.#length > this.#maxBytes;
    const line = Buffer.concat(this.#pieces);
    const hasMark = this.#isFirst && line.subarray(0, 3).equals(BYTE_ORDER_MARK);
    this.#pieces = [];
    this.#length = 0;
    this.#isFirst = false;
    if (isTooLong) return undefined;
    return hasMark ? line.subarray(BYTE_ORDER_MARK.length) : line;
  }
}

/** Finds the line ends in a chunk. It searches for CR and for LF once each, so that the time is linear. */
class LineEnds {
  readonly #chunk: Uint8Array;
  #lf = -2;
  #cr = -2;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** Returns the position of the first line end from `start` on; -1 if there is none. */
  after(start: number): number {
    this.#lf = this.#next(this.#lf, LF, start);
    this.#cr = this.#next(this.#cr, CR, start);
    if (this.#lf < 0 || this.#cr < 0) return Math.max(this.#lf, this.#cr);
    return Math.min(this.#lf, this.#cr);
  }

  #next(known: number, unit: number, start: number): number {
    return known === -1 || known >= start ? known : this.#chunk.indexOf(unit, start);
  }
}

/**
 * JSON-RPC messages as server-sent events: how a server's messages travel over HTTP.
 *
 * Source: HTML Living Standard, 9.2.6 (interpreting an event stream); MCP 2025-11-25, transports,
 * Streamable HTTP.
 */
import { Buffer } from "node:buffer";
import { isAnswerLike } from "../mcp/messages.js";
import { MAX_MESSAGE_BYTES, parseMessage, type ReadLine, UNREADABLE } from "./message-lines.js";

/** What a stream's messages are handed to, and how large they may be. */
export interface EventReading {
  readonly receive: (received: ReadLine) => void;
  /** Whether an event that cannot be read ends what is waited for. */
  readonly endsUnreadable: boolean;
  /** The most bytes of the data of an event. */
  readonly maxBytes?: number | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BYTE_ORDER_MARK = Buffer.from("\ufeff");
const NEWLINE = Buffer.from("\n");
/** Lines of data and what joins them: each costs memory, be it empty. */
const MAX_DATA_PIECES = 200_000;
/** The name of a field, and what stands around its value. */
const FIELD_BYTES = 16;

/**
 * Takes the messages out of a stream of events. What is left says where the stream is to be resumed, and
 * whether an answer has come: an empty event for each, or one with an answer to nothing.
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
  /** Fields that say where to resume, as they came; of two of a name the last one counts. */
  readonly #kept = new Map<string, Uint8Array>();
  #isTooLong = false;

  constructor(reading: EventReading) {
    this.#reading = reading;
    this.#maxBytes = reading.maxBytes ?? MAX_MESSAGE_BYTES;
    this.#lines = new LineReader(this.#maxBytes + FIELD_BYTES);
  }

  /** Returns what is left of the events that end in a piece of the stream. */
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

  /** An event that is too large may never end: that is reported at once, and once. */
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
    return messages.some(isAnswerLike) ? ANSWERED : EMPTY;
  }

  #afterUnreadable(): Uint8Array {
    return this.#reading.endsUnreadable ? ANSWERED : EMPTY;
  }
}

function valueAfter(line: Uint8Array, colon: number): Uint8Array {
  return line.subarray(line[colon + 1] === SPACE ? colon + 2 : colon + 1);
}

/** Cuts a stream into lines that end in LF, CR or both; of a longer one it says so at once, and no more. */
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

  /** Takes a piece of a line; tells whether the line is too long from here on. */
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

/** Where lines end in a piece; each kind of end is looked for once, so that time is linear. */
class LineEnds {
  readonly #chunk: Uint8Array;
  #lf = -2;
  #cr = -2;

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk;
  }

  /** Returns the first end from a place on; -1 if there is none. */
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

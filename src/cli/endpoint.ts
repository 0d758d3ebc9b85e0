/** The two sides of a proxy: a client and a server. */
import type { Readable, Writable } from "node:stream";
import type { Message } from "../mcp/protocol/messages.js";
import { settlesWithin } from "../primitives/settles-within.js";
import type { MaybePromise } from "../vault/contracts.js";
import { messageLine, type ReadLine, readMessages } from "./message-lines.js";

/** A message or a batch. */
export type Sent = Message | readonly Message[];

/** Handles a received message. The side stops reading while too many messages are pending. */
export type Receive = (received: ReadLine) => MaybePromise<void>;

/** One side of a proxy. */
export interface Endpoint {
  /** Passes received messages to `receive`; resolves when the other end has disconnected. */
  run(receive: Receive): Promise<void>;
  /** Resolves when the message is written. @throws The message cannot be written. */
  send(message: Sent): Promise<void>;
  /** Stops reading and closes the connection. */
  close(): Promise<void>;
}

/** The maximum number of pending messages of one side. Further messages stay in the stream's buffer. */
const MAX_UNDER_WAY = 32;
/** Time limit for pending messages after a side has disconnected, in milliseconds. */
const LAST_MS = 5000;

/** Passes the messages of a stream to `receive`, with a limit on pending messages. */
export async function receiveLines(input: Readable, receive: Receive): Promise<void> {
  const underWay = new Set<Promise<void>>();
  try {
    for await (const received of readMessages(input)) {
      const passing = forwardTo(received, receive).finally(() => underWay.delete(passing));
      underWay.add(passing);
      if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    }
  } catch {
    // A stream error counts as the end of the stream.
  }
  await settlesWithin(LAST_MS, Promise.all(underWay));
}

/** Passes on one message. Its failure must not stop the messages after it. */
export async function forwardTo(received: ReadLine, receive: Receive): Promise<void> {
  try {
    await receive(received);
  } catch {
    // The filter itself answers messages that it cannot forward, so this error needs no report.
  }
}

/** Writes a message as a line; resolves when the stream has accepted it. */
export function sendLine(output: Writable, message: Sent): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(messageLine(message), (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** The client of a proxy that runs as a server over stdio. */
export class StdioClient implements Endpoint {
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    // The callback of `write` reports the error; without this listener the event would crash the process.
    output.on("error", () => input.destroy());
  }

  run(receive: Receive): Promise<void> {
    return receiveLines(this.#input, receive);
  }

  send(message: Sent): Promise<void> {
    return sendLine(this.#output, message);
  }

  async close(): Promise<void> {
    this.#input.destroy();
  }
}

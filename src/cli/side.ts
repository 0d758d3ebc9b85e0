/** What a proxy stands between: a client on one side, a server on the other. */
import type { Readable, Writable } from "node:stream";
import type { Message } from "../mcp/messages.js";
import { settlesWithin } from "../primitives/settles-within.js";
import type { MaybePromise } from "../vault/contracts.js";
import { messageLine, type ReadLine, readMessages } from "./message-lines.js";

/** A message, or a batch of them. */
export type Sent = Message | readonly Message[];

/** Takes what came; the side goes on once not too much of it is under way. */
export type Receive = (received: ReadLine) => MaybePromise<void>;

/** One side of a proxy. */
export interface Side {
  /** Hands over what comes, until the other end hangs up; then resolves. */
  run(receive: Receive): Promise<void>;
  /** Resolves once the message is written. @throws It cannot be. */
  send(message: Sent): Promise<void>;
  /** Takes nothing more in, and ends. */
  close(): Promise<void>;
}

/** So many messages of one side are under way at once; the rest waits where it is. */
const MAX_UNDER_WAY = 32;
/** How long what is under way may take once a side has hung up, in milliseconds. */
const LAST_MS = 5000;

/** Hands over the messages of a stream, no more at a time than fit. */
export async function receiveLines(input: Readable, receive: Receive): Promise<void> {
  const underWay = new Set<Promise<void>>();
  try {
    for await (const received of readMessages(input)) {
      const passing = passOn(received, receive).finally(() => underWay.delete(passing));
      underWay.add(passing);
      if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    }
  } catch {
    // A stream that breaks has ended.
  }
  await settlesWithin(LAST_MS, Promise.all(underWay));
}

/** Hands a message over. One that fails must not keep the others from being read. */
export async function passOn(received: ReadLine, receive: Receive): Promise<void> {
  try {
    await receive(received);
  } catch {
    // The filter answers for what it cannot pass; there is nobody else to tell.
  }
}

/** Writes a message as a line; resolves once the stream has taken it. */
export function sendLine(output: Writable, message: Sent): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(messageLine(message), (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

/** The client of a proxy that was started as a server over stdio. */
export class StdioClient implements Side {
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    // Whoever writes hears of it; unheard, it would end the process.
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

/** Reads what a client sends to a server of `node:http`. */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { setImmediate } from "../../../primitives/timers.js";
import { RequestTooLargeError } from "../../../vault/errors.js";
import type { Arrived } from "./gate.js";
import { REFUSALS, RefusedError } from "./refusal.js";

/**
 * Puts work off until all that has arrived in this turn of the event loop is read, so that the work of
 * many requests is done in one go: right after a system call everything takes two to three times as
 * long, and a server that reads, works and writes one request after the other always is right after one.
 */
export const afterReading: (work: () => void) => void = setImmediate;

/**
 * Returns a body, {@link afterReading}; stops reading as soon as it is over the limit, and leaves the
 * message open, since destroying it would cost the answer.
 *
 * Events rather than `for await`, which takes several times as long for a body of one chunk.
 *
 * @throws {@link RequestTooLargeError} It is larger; or whatever `arrived` throws.
 * @throws RefusedError The client went away before its end.
 */
export function readIncoming(
  incoming: IncomingMessage,
  maxBytes: number,
  arrived: Arrived = () => undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const add = (part: Buffer): void => {
      length += part.length;
      try {
        if (length > maxBytes) throw new RequestTooLargeError();
        arrived(part.length);
        parts.push(part);
      } catch (error) {
        fail(error);
      }
    };
    const settle = (): void => {
      incoming.off("data", add).off("end", finish).off("close", lose).off("error", lose);
    };
    const finish = (): void => {
      settle();
      afterReading(() => resolve(joined(parts)));
    };
    const fail = (error: unknown): void => {
      settle();
      incoming.pause();
      reject(error);
    };
    const lose = (): void => fail(new RefusedError(REFUSALS.incomplete));
    if (incoming.destroyed) lose();
    else incoming.on("data", add).on("end", finish).on("close", lose).on("error", lose);
  });
}

function joined(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

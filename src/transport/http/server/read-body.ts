/** Reads the body that a client sends to a `node:http` server. */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { setImmediate } from "../../../primitives/timers.js";
import { RequestTooLargeError } from "../../../vault/errors.js";
import type { OnBytes } from "./gate.js";
import { REFUSALS, RefusedError } from "./refusal.js";

/**
 * Defers work until all data that arrived in this turn of the event loop has been read, so that the work of
 * many
 * requests runs together. Code right after a system call is two to three times as slow. A server that reads,
 * works
 * and writes for one request after the other would always run in that state.
 */
export const afterReading: (work: () => void) => void = setImmediate;

/**
 * Returns a body, {@link afterReading}. Stops reading as soon as the limit is exceeded, and leaves the
 * message open, because destroying it would lose the response.
 *
 * Uses events rather than `for await`, which takes several times as long for a body of one chunk.
 *
 * @throws {@link RequestTooLargeError} The body is too large; errors thrown by `arrived` also pass through.
 * @throws RefusedError The client disconnected before the end.
 */
export function readIncoming(
  incoming: IncomingMessage,
  maxBytes: number,
  arrived: OnBytes = () => undefined,
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

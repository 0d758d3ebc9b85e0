/** Shared code of the fuzz tests of all wires. */
import { connect } from "node:net";
import { afterEach, beforeEach, expect } from "vitest";

/** A connection that is not closed after this time counts as hung. */
const HANG_MS = 30_000;

/** Returns whole numbers below a limit, the same ones for the same seed (mulberry32). */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Makes every test of the file fail that leaves a rejection unhandled. */
export function forbidUnhandledRejections(): void {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): number => unhandled.push(reason);
  beforeEach(() => {
    process.on("unhandledRejection", note);
  });
  afterEach(() => {
    process.off("unhandledRejection", note);
    expect(unhandled.splice(0)).toEqual([]);
  });
}

/** Asks an HTTP server to close the connection. Closing one half of it would lose responses. */
export const LAST_REQUEST: Buffer = Buffer.from(
  "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
);

/** Sends bytes on a new connection, and returns all bytes received until it is closed. */
export function exchanged(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const hang = setTimeout(() => {
      reject(new Error("the server hung"));
      socket.destroy();
    }, HANG_MS);
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part));
    // A server may close the connection before everything was sent.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(hang);
      resolve(Buffer.concat(parts).toString("latin1"));
    });
    socket.write(bytes);
  });
}

/** An HTTP request that may be malformed. */
export interface FuzzedRequest {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
}

/** This many requests of a thousand are invalid HTTP, which closes their connection. */
const WRONG_HTTP = 4;

/** Returns a request's bytes, rarely with an error in its head. */
export function requestBytes(
  { path, type, body }: FuzzedRequest,
  random: (below: number) => number,
): Buffer {
  const start = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n`;
  if (random(4) > 0) {
    const head = Buffer.from(`${start}Content-Length: ${body.length}\r\n\r\n`);
    if (random(1000) < WRONG_HTTP) head[random(head.length)] = random(256);
    return Buffer.concat([head, body]);
  }
  const at = random(body.length + 1);
  return Buffer.concat([
    Buffer.from(`${start}Transfer-Encoding: chunked\r\n\r\n`),
    ...[body.subarray(0, at), body.subarray(at)].flatMap(chunk),
    Buffer.from("0\r\n\r\n"),
  ]);
}

function chunk(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  return [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")];
}

/** Returns the statuses of all responses in a text. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/(?:^|[>}\n])HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

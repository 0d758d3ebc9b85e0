/** Answers the requests of a Node server, or of a framework that stands on one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { clearTimeout, setTimeout } from "../../../primitives/timers.js";
import { connectionOf } from "../../sockets/listening.js";
import type { HttpRequest } from "./gate.js";
import { SentHeaders } from "./headers.js";
import { whenAnswered } from "./on-close.js";
import { afterReading, readIncoming } from "./read-body.js";
import type { HttpAnswer, HttpAnswers } from "./responses.js";

/** So much of a refused body is thrown away, that its sender comes to read why it was refused. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;

const DEFAULT_ANSWER_TIMEOUT_MS = 30_000;

/** What a server is told while a request is answered, and how long it waits. */
export interface Notices {
  /** It is known who sent the request. */
  readonly authenticated?: (() => void) | undefined;
  /** The body is about to be read. */
  readonly reading?: (() => void) | undefined;
  /** Tells whether the connection is to end with this answer. */
  readonly isLast?: (() => boolean) | undefined;
  /** How long the client may take to fetch its answer, in milliseconds. Default 30,000. */
  readonly answerTimeoutMs?: number | undefined;
}

/** Answers a request and sends the answer; never fails. */
export async function answerIncoming(
  answers: HttpAnswers,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  notices: Notices = {},
): Promise<void> {
  const { authenticated, reading, isLast } = notices;
  const { answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS } = notices;
  const request = requestOf(incoming, reading);
  const noted = authenticated === undefined ? request : { ...request, authenticated };
  const answer = await answers.answer(noted);
  whenAnswered(incoming, outgoing, answers.keep(answer));
  afterReading(() => {
    if (isLast?.() === true) outgoing.shouldKeepAlive = false;
    sendAnswer(incoming, outgoing, answer);
    boundFetching(incoming, outgoing, answerTimeoutMs);
  });
}

/** An answer is in memory until it is fetched: who fetches a little now and then must not keep it there. */
function boundFetching(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  timeoutMs: number,
): void {
  // What the system has taken is not in memory any more: that is most answers, at once.
  if (outgoing.writableLength === 0 || outgoing.closed) return;
  const timer = setTimeout(() => incoming.socket.destroy(), timeoutMs);
  whenAnswered(incoming, outgoing, () => clearTimeout(timer));
}

/** Returns what is to be known of a request of `node:http`. */
export function requestOf(incoming: IncomingMessage, reading?: () => void): HttpRequest {
  const { method = "", url = "", socket } = incoming;
  const headers = new SentHeaders(incoming);
  return {
    method,
    path: url.split("?", 1)[0] ?? "",
    connection: connectionOf(socket),
    bodyUsed: incoming.readableDidRead,
    header: (name) => {
      const values = headers.values(name);
      return values.length > 1 ? values.join(", ") : values[0];
    },
    single: (name) => {
      const values = headers.values(name.toLowerCase());
      return values.length === 1 ? values[0] : undefined;
    },
    readBody: (maxBytes, arrived) => {
      reading?.();
      return readIncoming(incoming, maxBytes, arrived);
    },
  };
}

/** Sends an answer, and throws away what is left of the request. */
export function sendAnswer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: HttpAnswer,
): void {
  const { status, headers, body, bodyBytes } = answer;
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, { ...headers, "content-length": bodyBytes });
  outgoing.end(body);
  if (!incoming.complete) discard(incoming);
}

function discard(incoming: IncomingMessage): void {
  let left = MAX_DISCARDED_BYTES - Number(incoming.headers["content-length"] ?? 0);
  if (left < 0) incoming.socket.destroySoon();
  incoming.on("error", () => undefined);
  incoming.on("data", (chunk: Uint8Array) => {
    left -= chunk.byteLength;
    if (left < 0) incoming.destroy();
  });
  incoming.resume();
}

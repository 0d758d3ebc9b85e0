/** Answers the requests of a Node server, or of a framework based on one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { clearTimeout, setTimeout } from "../../../primitives/timers.js";
import { connectionOf } from "../../sockets/listening.js";
import type { HttpRequest } from "./gate.js";
import { SentHeaders } from "./headers.js";
import { onceResponded } from "./on-close.js";
import { afterReading, readIncoming } from "./read-body.js";
import type { HttpResponder, HttpResponse } from "./responder.js";

/**
 * How much of a refused body is read and discarded, so that its sender can read the reason for the refusal.
 */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;

const DEFAULT_RESPONSE_TIMEOUT_MS = 30_000;

/** The callbacks of a server while a request is handled, and its time limit for sending the response. */
export interface Notices {
  /** Called when the caller is authenticated. */
  readonly authenticated?: (() => void) | undefined;
  /** Called before the body is read. */
  readonly reading?: (() => void) | undefined;
  /** Returns whether the connection must close after this response. */
  readonly isLast?: (() => boolean) | undefined;
  /** How long the client may take to receive its response, in milliseconds. Default 30,000. */
  readonly responseTimeoutMs?: number | undefined;
}

/** Handles a request and sends the response; never rejects. */
export async function respondToIncoming(
  responder: HttpResponder,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  notices: Notices = {},
): Promise<void> {
  const { authenticated, reading, isLast } = notices;
  const { responseTimeoutMs = DEFAULT_RESPONSE_TIMEOUT_MS } = notices;
  const request = requestOf(incoming, reading);
  const noted = authenticated === undefined ? request : { ...request, authenticated };
  const response = await responder.respond(noted);
  onceResponded(incoming, outgoing, responder.keep(response));
  afterReading(() => {
    if (isLast?.() === true) outgoing.shouldKeepAlive = false;
    sendResponse(incoming, outgoing, response);
    boundFetching(incoming, outgoing, responseTimeoutMs);
  });
}

/** A response uses memory until the client has received it, so a slow client must not hold it for ever. */
function boundFetching(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  timeoutMs: number,
): void {
  // Usually the system accepts the whole response at once, and then it is no longer in our memory.
  if (outgoing.writableLength === 0 || outgoing.closed) return;
  const timer = setTimeout(() => incoming.socket.destroy(), timeoutMs);
  onceResponded(incoming, outgoing, () => clearTimeout(timer));
}

/** Returns a `node:http` request as an {@link HttpRequest}. */
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

/** Sends a response, and discards the rest of the request. */
export function sendResponse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  response: HttpResponse,
): void {
  const { status, headers, body, bodyBytes } = response;
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

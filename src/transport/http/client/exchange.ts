/**
 * Sends one HTTP request and receives its response, with deadlines, and records whether anything was sent.
 */
import { Buffer } from "node:buffer";
import { type IncomingMessage, type RequestOptions, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { Socket } from "node:net";
import { redactPath } from "../../../primitives/redact-path.js";
import { clearTimeout, setTimeout } from "../../../primitives/timers.js";
import { ERROR_DETAILS_HEADER } from "../../service/error-table.js";
import { REQUEST_ID_HEADER, requestIdOf } from "../../service/request-id.js";

/** The request to send, and its time limits. */
export interface Exchange {
  readonly isSecure: boolean;
  readonly request: RequestOptions;
  readonly body: string | Buffer | undefined;
  readonly connectTimeoutMs: number;
  /** The limit for the whole exchange, including the wait for a connection. */
  readonly responseTimeoutMs: number;
  readonly maxResponseBytes: number;
  /** An abort of any of these signals ends the exchange. */
  readonly signals: readonly AbortSignal[];
}

/** The response. */
export interface Received {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  /** The request id from the response header, if the response is from one of our servers. */
  readonly requestId: string | undefined;
  /** Error details from one of our servers, for protocols whose body cannot contain them. */
  readonly details: unknown;
  readonly body: Buffer;
}

class LateError extends Error {}

/** The exchange failed. */
export class ExchangeError extends Error {
  /** Whether any byte of the request may have reached the server. */
  readonly wasSent: boolean;
  /** Whether the deadline passed: another attempt would take as long. */
  readonly isLate: boolean;
  constructor(wasSent: boolean, cause: unknown) {
    super("The exchange failed.", { cause: withoutResponse(redactPath(cause)) });
    this.wasSent = wasSent;
    this.isLate = cause instanceof LateError;
  }
}

/**
 * The HTTP parser attaches the bytes that it could not parse to its error, and they may contain a payload.
 */
function withoutResponse(error: unknown): unknown {
  const { code } = Object(error) as NodeJS.ErrnoException;
  if (!String(code).startsWith("HPE_")) return error;
  return Object.assign(new Error("The response is not HTTP."), { code });
}

/**
 * Sends a request and returns its response.
 *
 * @throws ExchangeError The request was not sent, or no complete response arrived.
 */
export function exchange(wanted: Exchange): Promise<Received> {
  return new Promise((resolve, reject) => {
    const { isSecure, body, signals, responseTimeoutMs, connectTimeoutMs } = wanted;
    let wasSent = false;
    const sending = (isSecure ? requestSecure : requestPlain)(wanted.request);
    const giveUp = (reason: unknown) => {
      settle();
      reject(new ExchangeError(wasSent, reason));
      sending.destroy();
    };
    const abort = () => giveUp(new Error("The call was given up."));
    const reading = setTimeout(() => giveUp(late("answering")), responseTimeoutMs);
    let connecting: NodeJS.Timeout | undefined;
    const settle = () => {
      clearTimeout(reading);
      clearTimeout(connecting);
      for (const signal of signals) signal.removeEventListener("abort", abort);
    };
    // The listener stays attached, because an error after the response must not end the process.
    sending.on("error", giveUp);
    sending.once("socket", (socket) => {
      connecting = setTimeout(() => giveUp(late("connecting")), connectTimeoutMs);
      whenConnected(socket, isSecure, () => {
        clearTimeout(connecting);
        wasSent = true;
      });
    });
    const onResponse = (incoming: IncomingMessage) => {
      receive(incoming, wanted.maxResponseBytes).then((received) => {
        settle();
        resolve(received);
      }, giveUp);
    };
    sending.once("response", onResponse);
    // We request no protocol upgrade: the response is complete after its headers, and the connection ends.
    sending.once("upgrade", (incoming, socket) => {
      socket.destroy();
      onResponse(incoming);
    });
    for (const signal of signals) signal.addEventListener("abort", abort, { once: true });
    sending.end(body);
  });
}

/** A reused socket is already connected. A new one transmits nothing before it connects. */
function whenConnected(socket: Socket, isSecure: boolean, connected: () => void): void {
  if (!socket.connecting && (!isSecure || isHandshakeOver(socket))) connected();
  else socket.once(isSecure ? "secureConnect" : "connect", connected);
}

function isHandshakeOver(socket: Socket): boolean {
  const { secureConnecting } = socket as { secureConnecting?: boolean };
  return secureConnecting === false;
}

function late(what: string): Error {
  return new LateError(`The service took too long ${what}.`);
}

async function receive(incoming: IncomingMessage, maxBytes: number): Promise<Received> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > maxBytes) throw new RangeError("The response is larger than maxResponseBytes.");
    parts.push(part);
  }
  const retryAfter = incoming.headers["retry-after"] ?? "";
  return {
    status: incoming.statusCode ?? 0,
    requestId: requestIdOf(incoming.headers[REQUEST_ID_HEADER]),
    details: detailsIn(incoming.headers[ERROR_DETAILS_HEADER]),
    retryAfterSeconds: /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined,
    body: Buffer.concat(parts, length),
  };
}

function detailsIn(header: string | string[] | undefined): unknown {
  try {
    return typeof header === "string" ? JSON.parse(header) : undefined;
  } catch {
    return undefined;
  }
}

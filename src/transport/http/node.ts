/** Answers the requests of a Node server, or of a framework that stands on one. */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Vault } from "../../vault/vault.js";
import { connectionOf } from "../listening.js";
import { type HttpAnswer, HttpAnswers } from "./answering.js";
import { readText } from "./body.js";
import type { HttpRequest } from "./gate.js";
import { HANDLER_OPTIONS, type HttpHandlerOptions, readHandlerOptions } from "./options.js";

const KNOWN: ReadonlySet<string> = new Set(HANDLER_OPTIONS);
/** So much of a refused body is thrown away, that its sender comes to read why it was refused. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024;

/** Answers one request of `node:http`. */
export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * Returns a function that serves a vault to requests of `node:http`, and so of Express and Fastify.
 *
 * The body must not have been read yet: mount it before any body parser.
 *
 * @throws TypeError RangeError An option is wrong, or there is no `auth`.
 *
 * @example
 * ```ts
 * express().use("/vault", nodeHandler(vault, { auth }));
 * ```
 */
export function nodeHandler(vault: Vault, options: HttpHandlerOptions): NodeHandler {
  const answers = new HttpAnswers(vault, readHandlerOptions(options, KNOWN));
  return (incoming, outgoing) => void answerIncoming(answers, incoming, outgoing);
}

/** Answers a request and sends the answer; never fails. */
export async function answerIncoming(
  answers: HttpAnswers,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  authenticated?: () => void,
): Promise<void> {
  const request = readIncoming(incoming);
  const noted = authenticated === undefined ? request : { ...request, authenticated };
  sendAnswer(incoming, outgoing, await answers.answer(noted));
}

/** Returns what is to be known of a request of `node:http`. */
export function readIncoming(incoming: IncomingMessage): HttpRequest {
  const { method = "", url = "", socket } = incoming;
  const distinct = () => incoming.headersDistinct;
  return {
    method,
    path: url.split("?", 1)[0] ?? "",
    connection: connectionOf(socket),
    bodyUsed: incoming.readableDidRead,
    header: (name) => distinct()[name]?.join(", "),
    single: (name) => {
      const values = distinct()[name.toLowerCase()];
      return values?.length === 1 ? values[0] : undefined;
    },
    readBody: (maxBytes) => readText(chunksOf(incoming), maxBytes),
  };
}

/** Leaves the message open when reading stops early: destroying it would cost the answer. */
function chunksOf(incoming: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) };
}

/** Sends an answer, and throws away what is left of the request. */
export function sendAnswer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: HttpAnswer,
): void {
  const { status, headers, body } = answer;
  if (outgoing.destroyed) return;
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
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

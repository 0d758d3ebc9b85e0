/** Answers the requests of a Node server, or of a framework based on one. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Vault } from "../../vault/vault.js";
import { respondToIncoming } from "../http/server/node-request.js";
import { type HttpHandlerOptions, readHandlerOptions } from "../http/server/options.js";
import { RestResponder } from "./responder.js";

/** Answers one request of `node:http`. */
export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * Returns a function that serves a vault to requests of `node:http`, and therefore of Express and Fastify.
 *
 * The body must be unread, so mount it before any body parser.
 *
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 *
 * @example
 * ```ts
 * express().use("/vault", nodeHandler(vault, { auth }));
 * ```
 */
export function nodeHandler(vault: Vault, options: HttpHandlerOptions): NodeHandler {
  const responder = new RestResponder(vault, readHandlerOptions(options));
  return (incoming, outgoing) => void respondToIncoming(responder, incoming, outgoing);
}

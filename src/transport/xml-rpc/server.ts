/**
 * Serves a vault as XML-RPC.
 *
 * @module
 */
import type { Vault } from "../../vault/vault.js";
import { readHandlerOptions } from "../http/server/options.js";
import { type RunningHttpServer, startServer } from "../http/server/server.js";
import {
  type HttpServerOptions,
  readServerOptions,
  SERVER_OPTIONS,
} from "../http/server/server-options.js";
import { XmlRpcAnswers } from "./answering.js";

/** The port that the original's clients expect. */
const DEFAULT_PORT = 8422;
const OPTIONS: ReadonlySet<string> = new Set(
  [...SERVER_OPTIONS].filter((name) => name !== "basePath"),
);

/** Where an XML-RPC server listens, whom it believes, and what it bounds. */
export type XmlRpcServerOptions = Omit<HttpServerOptions, "basePath">;

/**
 * Serves a vault as XML-RPC: `POST` of `text/xml` to `/` or `/RPC2`, the credential in an
 * `Authorization: Bearer` header. Methods are the operations of the vault's service, with or without a
 * `vault.` prefix, and take positional parameters; `system.methodHelp` tells which.
 *
 * What a vault refuses is a fault under HTTP status 200, as the specification has it
 * (http://xmlrpc.com/spec.md); 401, 404, 405, 413, 415, 421, 429 and 503 are HTTP's own.
 *
 * @returns Where it listens, and how to stop it.
 * @throws TypeError An option is missing, unknown or of the wrong kind, or would let other machines read
 *   the traffic or be believed.
 * @throws RangeError An option is out of its bounds.
 * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
 * @throws Error The address cannot be listened on.
 *
 * @example
 * ```ts
 * const server = await serveXmlRpc(vault, { auth: trustLocalCallers(), port: 8422 });
 * // …
 * await server.stop();
 * ```
 */
export async function serveXmlRpc(
  vault: Vault,
  options: XmlRpcServerOptions,
): Promise<RunningHttpServer> {
  const settings = readServerOptions(options, DEFAULT_PORT);
  const answers = new XmlRpcAnswers(vault, readHandlerOptions(settings.handler, OPTIONS));
  return startServer(answers, settings);
}

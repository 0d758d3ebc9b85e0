/**
 * Serves a vault as XML-RPC.
 *
 * @module
 */
import type { Vault } from "../../vault/vault.js";
import { type RunningHttpServer, startServer } from "../http/server/server.js";
import {
  type HttpServerOptions,
  readServerOptions,
  SERVER_OPTIONS,
} from "../http/server/server-options.js";
import { XmlRpcResponder } from "./responder.js";

/** The port that the original's clients expect. */
const DEFAULT_PORT = 8422;
// The path of XML-RPC is fixed: the option basePath is unknown here.
const { basePath: _, ...OPTIONS } = SERVER_OPTIONS;

/** The address, authentication and limits of an XML-RPC server. */
export type XmlRpcServerOptions = Omit<HttpServerOptions, "basePath">;

/**
 * Serves a vault as XML-RPC: `POST` of `text/xml` to `/` or `/RPC2`, with the credential in an
 * `Authorization: Bearer` header. Methods are the operations of the vault's service, with or without a
 * `vault.` prefix, and take positional parameters; `system.methodHelp` lists them.
 *
 * An error of the vault is a fault with HTTP status 200, as specified
 * (http://xmlrpc.com/spec.md); 401, 404, 405, 413, 415, 421, 429 and 503 are errors of HTTP.
 *
 * @returns The address of the server, and a method to stop it.
 * @throws TypeError An option is missing, unknown or of the wrong type, or would let other machines read
 * the traffic or be trusted as local.
 * @throws RangeError An option is out of range.
 * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
 * @throws Error The server cannot listen on the address.
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
  const settings = readServerOptions(options, DEFAULT_PORT, OPTIONS);
  const responder = new XmlRpcResponder(vault, settings.handler);
  return startServer(responder, settings);
}

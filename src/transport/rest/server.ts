/** Serves a vault with its own HTTP server. */
import type { Vault } from "../../vault/vault.js";
import { type RunningHttpServer, startServer } from "../http/server/server.js";
import { type HttpServerOptions, readServerOptions } from "../http/server/server-options.js";
import { RestResponder } from "./responder.js";

const DEFAULT_PORT = 8421;

/**
 * Serves a vault over HTTP, and resolves once it listens.
 *
 * @throws TypeError RangeError An option is invalid, `auth` is missing, or other machines could read the
 * traffic or pass for this one.
 * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
 * @throws Error The address is in use or not available; `code` gives the reason, as in `node:net`.
 *
 * @example
 * ```ts
 * const server = await serveHttp(vault, { auth: tokenAuth({ tokens }), port: 0 });
 * const remote = VaultClient.http(`http://127.0.0.1:${server.address.port}`, { token });
 * await server.stop();
 * ```
 */
export async function serveHttp(
  vault: Vault,
  options: HttpServerOptions,
): Promise<RunningHttpServer> {
  const settings = readServerOptions(options, DEFAULT_PORT);
  const responder = new RestResponder(vault, settings.handler);
  return startServer(responder, settings);
}

/** Serves a vault as a function from a Web request to its response, for any framework. */
import type { Connection } from "../../auth/authenticator.js";
import type { Vault } from "../../vault/vault.js";
import { readBytes } from "../http/server/body.js";
import type { HttpRequest } from "../http/server/gate.js";
import { type HttpHandlerOptions, readHandlerOptions } from "../http/server/options.js";
import type { HttpResponse } from "../http/server/responder.js";
import { RestResponder } from "./responder.js";

/**
 * Answers a Web request. The connection is the framework's information about the client. Frameworks also pass
 * values
 * of their own as a second argument (Hono's `mount`, Next); a value that is not a {@link Connection} is
 * ignored.
 */
export type HttpHandler = (request: Request, connection?: unknown) => Promise<Response>;

/**
 * Returns a function that serves a vault to Web requests.
 *
 * The body must be unread, so mount it before any body parser. Two features need the connection and refuse
 * requests without one: authenticators that trust local callers or read certificates, and the limit of failed
 * authentications. If the package zod does not load, every response is a `PeerMissingError` or
 * `PeerBrokenError` with status 500.
 *
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 *
 * @example
 * ```ts
 * const handler = httpHandler(vault, { auth, failedAuthenticationsPerMinute: "unlimited" });
 * new Hono().mount("/vault", (request) => handler(request));
 * ```
 */
export function httpHandler(vault: Vault, options: HttpHandlerOptions): HttpHandler {
  const responder = new RestResponder(vault, readHandlerOptions(options));
  return async (request, connection) =>
    responseOf(await responder.respond(readRequest(request, connectionIn(connection))));
}

const CONNECTION_MEMBERS: ReadonlySet<string> = new Set([
  "isLocal",
  "remoteAddress",
  "peerCertificate",
]);

/** Returns the second argument if it is a connection, else `undefined`. */
function connectionIn(given: unknown): Connection | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  if (!Object.keys(given).every((name) => CONNECTION_MEMBERS.has(name))) return undefined;
  const { isLocal, remoteAddress } = given as Partial<Record<keyof Connection, unknown>>;
  const isAddress = remoteAddress === undefined || typeof remoteAddress === "string";
  return typeof isLocal === "boolean" && isAddress ? (given as Connection) : undefined;
}

function readRequest(request: Request, connection: Connection | undefined): HttpRequest {
  const { headers, method, url, bodyUsed } = request;
  const { pathname, host } = new URL(url);
  // Some frameworks keep the host only in the URL.
  const header = (name: string) => headers.get(name) ?? (name === "host" ? host : undefined);
  return {
    method,
    path: pathname,
    connection,
    bodyUsed,
    header,
    single: header,
    readBody: async (maxBytes, arrived) =>
      request.body === null ? new Uint8Array(0) : readBytes(request.body, maxBytes, arrived),
  };
}

function responseOf({ status, headers, body }: HttpResponse): Response {
  return new Response(body, { status, headers });
}

/** A vault as a function from a Web request to its response, for any framework. */
import type { Connection } from "../../auth/authenticator.js";
import type { Vault } from "../../vault/vault.js";
import { readBytes } from "../http/server/body.js";
import type { HttpRequest } from "../http/server/gate.js";
import {
  HANDLER_OPTIONS,
  type HttpHandlerOptions,
  readHandlerOptions,
} from "../http/server/options.js";
import type { HttpAnswer } from "../http/server/responses.js";
import { RestAnswers } from "./responses.js";

/**
 * Answers a Web request; the connection is what the framework knows of where it came from. Frameworks also
 * pass values of their own as a second argument (Hono's `mount`, Next): what is no {@link Connection} does
 * not count as one.
 */
export type HttpHandler = (request: Request, connection?: unknown) => Promise<Response>;

const KNOWN: ReadonlySet<string> = new Set(HANDLER_OPTIONS);

/**
 * Returns a function that serves a vault to Web requests.
 *
 * The body must not have been read yet: mount it before any body parser. What needs the connection (an
 * authenticator that believes local callers, or looks at certificates; the limit of failed
 * authentications) refuses requests that come without one. Where the package zod does not load, every
 * answer is a `PeerMissingError` or `PeerBrokenError` under status 500.
 *
 * @throws TypeError RangeError An option is wrong, or there is no `auth`.
 *
 * @example
 * ```ts
 * const handler = httpHandler(vault, { auth, failedAuthenticationsPerMinute: "unlimited" });
 * new Hono().mount("/vault", (request) => handler(request));
 * ```
 */
export function httpHandler(vault: Vault, options: HttpHandlerOptions): HttpHandler {
  const answers = new RestAnswers(vault, readHandlerOptions(options, KNOWN));
  return async (request, connection) =>
    responseOf(await answers.answer(readRequest(request, connectionIn(connection))));
}

const CONNECTION_MEMBERS: ReadonlySet<string> = new Set([
  "isLocal",
  "remoteAddress",
  "peerCertificate",
]);

/** Returns the connection that a second argument is, if it is one and nothing else. */
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
  // Some frameworks keep the host in the URL alone.
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

function responseOf({ status, headers, body }: HttpAnswer): Response {
  return new Response(body, { status, headers });
}

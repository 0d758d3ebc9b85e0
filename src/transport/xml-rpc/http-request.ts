/** What HTTP asks of a request before XML-RPC sees it, and the answers that are HTTP's own. */
import type { IncomingMessage } from "node:http";
import type { Evidence } from "../../auth/authenticator.js";
import { RequestTooLargeError, ServiceUnavailableError } from "../../vault/errors.js";
import { toWireError } from "../error-table.js";
import { readIncoming } from "../incoming.js";
import { connectionOf } from "../listening.js";

const PATHS: ReadonlySet<string> = new Set(["/", "/RPC2"]);
const MEDIA_TYPE = /^(?:text|application)\/xml[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,16384}={0,2})$/i;
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** A request that XML-RPC never sees. The text is fixed. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** Returns an error's answer in HTTP, for those that are met before a call is read. */
export function refusalOf(error: unknown): HttpRefusal {
  if (error instanceof HttpRefusal) return error;
  const { status, message, retryAfterSeconds } = toWireError(error);
  const headers: Record<string, string> = {};
  if (status === 401) headers["WWW-Authenticate"] = "Bearer";
  const retryAfter = status === 503 ? 1 : retryAfterSeconds;
  if (retryAfter !== undefined) headers["Retry-After"] = String(Math.ceil(retryAfter));
  return new HttpRefusal(status, message, headers);
}

/**
 * Throws unless the request's line and headers are those of an XML-RPC call.
 *
 * A web page can send plain text to any server without asking, and can let its own name lead to this
 * machine: the type, `Origin` and, of a server that only this machine reaches, `Host` give it away.
 */
export function checkRequest(request: IncomingMessage, maxBodyBytes: number): void {
  const { url, method, headers, socket } = request;
  if (!PATHS.has(url ?? "")) throw new HttpRefusal(404, "There is nothing at this path.");
  if (method !== "POST") throw new HttpRefusal(405, "XML-RPC is POST only.", { Allow: "POST" });
  if (headers.origin !== undefined)
    throw new HttpRefusal(403, "Requests of web pages are refused.");
  const isLoopback = socket.localAddress !== undefined && connectionOf(socket).isLocal;
  if (isLoopback && !LOOPBACK_HOST.test(headers.host ?? "")) {
    throw new HttpRefusal(421, "The server does not answer to this Host.");
  }
  if (!MEDIA_TYPE.test(headers["content-type"] ?? "")) {
    throw new HttpRefusal(415, "The Content-Type must be text/xml, in UTF-8.");
  }
  if (headers["content-encoding"] !== undefined) {
    throw new HttpRefusal(415, "A Content-Encoding is refused: send plain XML.");
  }
  checkLength(request, maxBodyBytes);
}

/** Throws if a request announces more than it may send. */
export function checkLength({ headers }: IncomingMessage, maxBytes: number): void {
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw new RequestTooLargeError();
}

/** Returns what a request shows of who sends it. */
export function evidenceOf(request: IncomingMessage): Evidence {
  const header = (name: string): string | undefined => {
    const values = request.headersDistinct[name.toLowerCase()];
    return values?.length === 1 ? values[0] : undefined;
  };
  return {
    header,
    bearerToken: BEARER.exec(header("authorization") ?? "")?.[1],
    connection: connectionOf(request.socket),
  };
}

/**
 * Returns a body; reading stops as soon as it is over the limit.
 *
 * @throws {@link RequestTooLargeError} It is.
 * @throws {@link ServiceUnavailableError} The client went away before its end.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  try {
    return await readIncoming(request, maxBytes);
  } catch (error) {
    if (error instanceof RequestTooLargeError) throw error;
    throw new ServiceUnavailableError({ cause: error });
  }
}

/** Refusals of the HTTP layer, in addition to the errors of a vault, with fixed texts. */

/** The reason why a request is refused before it reaches the vault. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}

/** The names of the refusals. */
type RefusalName =
  | "noRoute"
  | "method"
  | "host"
  | "origin"
  | "tooManyHeaders"
  | "mediaType"
  | "xmlMediaType"
  | "encoding"
  | "malformed"
  | "incomplete"
  | "principal"
  | "bodyUsed"
  | "noConnection"
  | "payload";

export const REFUSALS: Readonly<Record<RefusalName, Refusal>> = {
  noRoute: refusal(404, "ERR_HTTP_NO_ROUTE", "There is nothing at this path."),
  method: refusal(405, "ERR_HTTP_METHOD_NOT_ALLOWED", "The path does not have this method."),
  host: refusal(421, "ERR_HTTP_HOST_REFUSED", "The server does not answer to this Host."),
  origin: refusal(403, "ERR_HTTP_ORIGIN_REFUSED", "Requests of web pages are refused."),
  tooManyHeaders: refusal(
    431,
    "ERR_HTTP_TOO_MANY_HEADERS",
    "The request has more headers than the server is sure to hand on.",
  ),
  mediaType: refusal(415, "ERR_HTTP_MEDIA_TYPE", "The Content-Type must be application/json."),
  xmlMediaType: refusal(415, "ERR_HTTP_MEDIA_TYPE", "The Content-Type must be text/xml, in UTF-8."),
  encoding: refusal(
    415,
    "ERR_HTTP_ENCODING",
    "A Content-Encoding is refused: send the body as it is.",
  ),
  malformed: refusal(400, "ERR_HTTP_MALFORMED_BODY", "The body must be one JSON object in UTF-8."),
  incomplete: refusal(400, "ERR_HTTP_INCOMPLETE_BODY", "The body ended before it was complete."),
  principal: refusal(
    400,
    "ERR_HTTP_MALFORMED_HEADER",
    "The header that names a principal must be sent once and percent-encoded.",
  ),
  bodyUsed: refusal(
    500,
    "ERR_HTTP_BODY_USED",
    "The body was read before the vault's handler ran: mount it before any body parser.",
  ),
  payload: refusal(
    422,
    "ERR_VAULT_PAYLOAD_VALIDATION",
    "The payload of the handle is not of the kind that this route takes.",
  ),
  noConnection: refusal(
    500,
    "ERR_HTTP_CONNECTION_NEEDED",
    "The vault's handler needs the connection: pass it, or lift what depends on it.",
  ),
};

/** Returns the fixed text of the refusal with this code and message; `undefined` if there is none. */
export function refusalText(code: unknown, message: unknown): string | undefined {
  const called = Object.values(REFUSALS).filter((one) => one.code === code);
  return (called.find((one) => one.message === message) ?? called[0])?.message;
}

/** Carries a {@link Refusal} to the code that responds. */
export class RefusedError extends Error {
  readonly refusal: Refusal;
  constructor(refused: Refusal) {
    super(refused.message);
    this.refusal = refused;
  }
}

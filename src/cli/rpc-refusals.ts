/** Errors for HTTP clients as JSON-RPC error responses, with fixed texts. */
import type { RequestId } from "../mcp/protocol/messages.js";
import { type HttpResponse, success } from "../transport/http/server/responder.js";

/** The reason why a request is refused before it reaches a session. */
export interface RpcRefusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  /** The number of seconds after which the client may try again. */
  readonly retryAfterSeconds?: number | undefined;
}

const PARSE_ERROR = -32700;
/** The first error code that JSON-RPC reserves for servers. */
const SERVER_ERROR = -32000;

const RETRY_AFTER_SECONDS = 10;

function unavailable(message: string): RpcRefusal {
  return { status: 503, code: SERVER_ERROR, message, retryAfterSeconds: RETRY_AFTER_SECONDS };
}

type RpcRefusalName = "unreadable" | "tooLarge" | "shareTaken" | "full" | "noServer";

export const RPC_REFUSALS: Readonly<Record<RpcRefusalName, RpcRefusal>> = {
  unreadable: { status: 400, code: PARSE_ERROR, message: "Parse error" },
  tooLarge: { status: 413, code: SERVER_ERROR, message: "The message is too large" },
  shareTaken: unavailable("The subject has as many sessions as one may have: end one"),
  full: unavailable("There are as many sessions as there may be"),
  noServer: unavailable("The server cannot be started or reached"),
};

/** An exception that holds an {@link RpcRefusal}. */
export class RpcRefusedError extends Error {
  override readonly name = "RpcRefusedError" as const;
  readonly refusal: RpcRefusal;
  /** The id of the refused request; `null` if it could not be read. */
  readonly id: RequestId | null;

  constructor(refusal: RpcRefusal, id: RequestId | null = null) {
    super(refusal.message);
    this.refusal = refusal;
    this.id = id;
  }
}

/** Returns the response to an {@link RpcRefusedError}; `undefined` for any other error. */
export function rpcResponseTo(error: unknown): HttpResponse | undefined {
  if (!(error instanceof RpcRefusedError)) return undefined;
  const { status, code, message, retryAfterSeconds } = error.refusal;
  const body = JSON.stringify({ jsonrpc: "2.0", id: error.id, error: { code, message } });
  const response = success(status, "application/json", body);
  if (retryAfterSeconds === undefined) return response;
  return {
    ...response,
    headers: { ...response.headers, "retry-after": String(retryAfterSeconds) },
  };
}

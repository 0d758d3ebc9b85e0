/** The client's side of XML-RPC. */
import { Buffer } from "node:buffer";
import {
  OutcomeUnknownError,
  ServiceUnavailableError,
  VaultClosedError,
} from "../../vault/errors.js";
import { fromWireError } from "../error-table.js";
import type { OperationName } from "../operations.js";
import type { Wire, WireCallOptions } from "../wire.js";
import { readMethodResponse, writeMethodCall } from "./call.js";
import {
  authorizationOf,
  type ClientSettings,
  readClientOptions,
  type XmlRpcClientOptions,
} from "./client-options.js";
import { positionalParams, resultOfValue } from "./methods.js";
import { type Answer, PostError, Poster } from "./post.js";

/** Asking again changes nothing. */
const READING: ReadonlySet<OperationName> = new Set(["get_safe_view", "describe", "health"]);
/** Doing it twice is doing it once, so that another try is safe. */
const REPEATABLE: ReadonlySet<OperationName> = new Set([
  ...READING,
  ...(["invalidate", "grant", "revoke", "renew"] as const),
]);
/** Statuses with which our server refuses a request before it has looked into it. */
const REFUSED: ReadonlySet<number> = new Set([401, 413, 429, 503]);

/**
 * Returns a connection to a vault's XML-RPC service. Nothing is sent before the first call.
 *
 * Connections are kept for further calls; no proxy of the environment is used. `seal` and `unseal` are
 * sent again only if no byte of the request was sent.
 *
 * @param url - Such as `http://127.0.0.1:8422/`.
 * @throws TypeError RangeError The URL or an option is wrong, or the token would travel unprotected.
 *
 * @example
 * ```ts
 * const wire = xmlRpcWire("https://vault.example.org:8422/", { token });
 * ```
 */
export function xmlRpcWire(url: string | URL, options: XmlRpcClientOptions = {}): Wire {
  return new XmlRpcWire(readClientOptions(url, options));
}

class XmlRpcWire implements Wire {
  readonly #settings: ClientSettings;
  readonly #poster: Poster;
  #isClosed = false;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    this.#poster = new Poster(settings);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: WireCallOptions = {},
  ): Promise<object> {
    this.#checkOpen();
    const call = { method: operation, params: positionalParams(operation, params) };
    const document = Buffer.from(writeMethodCall(call));
    const answer = await this.#post(operation, document, signal);
    return resultOf(operation, answer);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#poster.close();
  }

  async #post(
    operation: OperationName,
    document: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const options = { headers: await this.#headers(), signal };
    try {
      return await this.#poster.post(document, options);
    } catch (error) {
      if (!(error instanceof PostError)) throw error;
      if (this.#isClosed || !mayRepeat(operation, error)) throw failureOf(operation, error);
    }
    try {
      return await this.#poster.post(document, options);
    } catch (error) {
      throw error instanceof PostError ? failureOf(operation, error) : error;
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const { token } = this.#settings;
    const headers = { "Content-Type": "text/xml; charset=utf-8" };
    if (token === undefined) return headers;
    const value = typeof token === "function" ? await token() : token;
    this.#checkOpen();
    return { ...headers, Authorization: authorizationOf(value) };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new VaultClosedError();
  }
}

/** A connection that was kept may have ended while the request was on its way. */
function mayRepeat(operation: OperationName, error: PostError): boolean {
  if (error.isTimeout) return false;
  return !error.wasSent || (error.wasReused && REPEATABLE.has(operation));
}

function failureOf(operation: OperationName, { wasSent, cause }: PostError): Error {
  return wasSent ? unknownOutcome(operation, cause) : new ServiceUnavailableError({ cause });
}

function unknownOutcome(operation: OperationName, cause: unknown): Error {
  return READING.has(operation)
    ? new ServiceUnavailableError({ cause })
    : new OutcomeUnknownError({ cause });
}

function resultOf(operation: OperationName, answer: Answer): object {
  const { status, retryAfterSeconds, body } = answer;
  if (REFUSED.has(status)) throw fromWireError({ status, retryAfterSeconds });
  // Any other status is somebody else's: a proxy, or no XML-RPC server at all.
  if (status >= 400 && status < 500) throw new ServiceUnavailableError();
  if (status !== 200) throw unknownOutcome(operation, undefined);
  const { value, fault } = readAnswer(operation, body);
  if (fault !== undefined) {
    throw fromWireError({
      faultCode: fault.faultCode,
      message: fault.faultString,
      retryAfterSeconds,
    });
  }
  return value;
}

type Read =
  | { readonly value: object; readonly fault?: undefined }
  | {
      readonly value?: undefined;
      readonly fault: { readonly faultCode: number; readonly faultString: string };
    };

function readAnswer(operation: OperationName, body: Uint8Array): Read {
  try {
    const { value, fault } = readMethodResponse(body, { dates: "refuse" });
    return fault === undefined ? { value: resultOfValue(operation, value) } : { fault };
  } catch (cause) {
    throw unknownOutcome(operation, cause);
  }
}

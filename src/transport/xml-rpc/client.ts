/** The client's side of XML-RPC. */
import { Buffer } from "node:buffer";
import { ServiceUnavailableError } from "../../vault/errors.js";
import { fromWireError } from "../error-table.js";
import type { Received } from "../http-client/exchange.js";
import {
  type HttpClientOptions,
  type HttpClientSettings,
  readHttpClientOptions,
} from "../http-client/options.js";
import { refusalBodyOf } from "../http-client/refusal-body.js";
import { HttpRequester } from "../http-client/requester.js";
import type { OperationName } from "../operations.js";
import { unanswered } from "../unanswered.js";
import type { Wire, WireCallOptions } from "../wire.js";
import { readMethodResponse, writeMethodCall } from "./call.js";
import { positionalParams, resultOfValue } from "./methods.js";

/** Statuses with which a server refuses a request before it has looked into it. */
const REFUSED: ReadonlySet<number> = new Set([401, 413, 429, 503]);

/**
 * Returns a connection to a vault's XML-RPC service. Nothing is sent before the first call.
 *
 * @param url - Such as `http://127.0.0.1:8422/`.
 * @throws TypeError RangeError The URL or an option is wrong, or the token would travel unprotected; the
 *   text repeats none of them.
 *
 * @example
 * ```ts
 * const wire = xmlRpcWire("https://vault.example.org:8422/", { token });
 * ```
 */
export function xmlRpcWire(url: string | URL, options: HttpClientOptions = {}): Wire {
  return new XmlRpcWire(readHttpClientOptions(url, options));
}

class XmlRpcWire implements Wire {
  readonly #path: string;
  readonly #requester: HttpRequester;

  constructor(settings: HttpClientSettings) {
    this.#path = settings.urlPath;
    this.#requester = new HttpRequester(settings);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: WireCallOptions = {},
  ): Promise<object> {
    const call = { method: operation, params: positionalParams(operation, params) };
    const body = Buffer.from(writeMethodCall(call));
    const headers = {
      "content-type": "text/xml; charset=utf-8",
      "content-length": body.length,
    };
    const request = { operation, method: "POST", path: this.#path, headers, body, signal };
    return resultOf(operation, await this.#requester.send(request));
  }

  async close(): Promise<void> {
    this.#requester.close();
  }
}

function resultOf(operation: OperationName, answer: Received): object {
  const { status, retryAfterSeconds, body } = answer;
  if (status !== 200) throw refusalOf(operation, answer);
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

/** Why a request was refused before XML-RPC saw it. */
function refusalOf(operation: OperationName, received: Received): Error {
  const { status, retryAfterSeconds } = received;
  const { code, message } = refusalBodyOf(received);
  if (isOurs(code)) return fromWireError({ code, message, retryAfterSeconds });
  if (REFUSED.has(status)) return fromWireError({ status, retryAfterSeconds });
  // Any other status is somebody else's: a proxy, or no XML-RPC server at all.
  const isRefused = status >= 400 && status < 500;
  return isRefused ? new ServiceUnavailableError() : unanswered(operation, undefined);
}

function isOurs(code: unknown): boolean {
  return typeof code === "string" && code.startsWith("ERR_VAULT_");
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
    throw unanswered(operation, cause);
  }
}

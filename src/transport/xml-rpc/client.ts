/** The XML-RPC client. */
import { Buffer } from "node:buffer";
import { marked, refusalOf, unanswered, unclear } from "../client/lost-response.js";
import type { Transport, TransportCallOptions } from "../client/transport.js";
import { ORIGINAL_FAULTS, toOriginal } from "../compat/original.js";
import type { Received } from "../http/client/exchange.js";
import {
  type HttpClientOptions,
  type HttpClientSettings,
  readHttpClientOptions,
} from "../http/client/options.js";
import { refusedBy } from "../http/client/refused.js";
import { HttpRequester } from "../http/client/requester.js";
import type { OperationName } from "../service/operations.js";
import { type Fault, readMethodResponse, writeMethodCall } from "./call.js";
import { positionalParams, resultOfValue } from "./methods.js";

/**
 * Returns a connection to a vault's XML-RPC service. Nothing is sent before the first call.
 *
 * @param url - Such as `http://127.0.0.1:8422/`.
 * @throws TypeError RangeError The URL or an option is invalid, or the token would be sent without TLS; the
 * message repeats none of them.
 *
 * @example
 * ```ts
 * const transport = xmlRpcTransport("https://vault.example.org:8422/", { token });
 * ```
 */
export function xmlRpcTransport(url: string | URL, options: HttpClientOptions = {}): Transport {
  const settings = readHttpClientOptions(url, options);
  const transport = new XmlRpcTransport(settings);
  return settings.compatibility === "original"
    ? toOriginal(transport, { carriesBytes: true })
    : transport;
}

class XmlRpcTransport implements Transport {
  readonly #path: string;
  readonly #requester: HttpRequester;

  constructor(settings: HttpClientSettings) {
    this.#path = settings.urlPath;
    this.#requester = new HttpRequester(settings);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: TransportCallOptions = {},
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
    await this.#requester.close();
  }
}

function resultOf(operation: OperationName, received: Received): object {
  // The original answers every XML-RPC call with 200, so its HTTP error format is not accepted here.
  if (received.status !== 200) throw refusedBy(operation, received, undefined);
  const { value, fault } = read(operation, received);
  if (fault !== undefined) throw faultOf(operation, fault, received);
  return value;
}

/** Our faults come with a request id; the original's faults are accepted without one. */
function faultOf(operation: OperationName, fault: Fault, received: Received): Error {
  const { faultCode } = fault;
  const { status, requestId, details, retryAfterSeconds } = received;
  if (requestId === undefined && !ORIGINAL_FAULTS.has(faultCode)) {
    return unclear(operation, { status });
  }
  return refusalOf(operation, { faultCode, details, retryAfterSeconds }, { status, requestId });
}

type Read =
  | { readonly value: object; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: Fault };

function read(operation: OperationName, { body, status, requestId }: Received): Read {
  try {
    const { value, fault } = readMethodResponse(body, { dates: "refuse" });
    return fault === undefined ? { value: resultOfValue(operation, value) } : { fault };
  } catch (cause) {
    throw marked(unanswered(operation, cause), { status, requestId });
  }
}

/** The REST client for a service over HTTP. */
import { Buffer } from "node:buffer";
import { unclear } from "../client/lost-response.js";
import type { Transport, TransportCallOptions } from "../client/transport.js";
import { toOriginal } from "../compat/original.js";
import type { Received } from "../http/client/exchange.js";
import {
  type HttpClientOptions,
  type HttpClientSettings,
  readHttpClientOptions,
} from "../http/client/options.js";
import { refusedBy } from "../http/client/refused.js";
import { HttpRequester } from "../http/client/requester.js";
import { giveJsonData, readJsonResponse, takeJsonData, writeJson } from "../json/payload-data.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";
import { PRINCIPAL_HEADER } from "./paths.js";

/**
 * Returns a transport to a vault's service over HTTP. It connects at the first call.
 *
 * @param url - `http:` or `https:`, with the service's base path if it has one.
 * @throws TypeError RangeError The URL or an option is invalid, or the token would be sent without TLS; the
 * message repeats none of them.
 *
 * @example
 * ```ts
 * const transport = httpTransport("https://vault.example:8421", { token: () => readToken() });
 * await transport.call("health", {}); // { status: "ok" }
 * ```
 */
export function httpTransport(url: string | URL, options: HttpClientOptions = {}): Transport {
  const settings = readHttpClientOptions(url, options);
  const transport = new RestTransport(settings);
  return settings.compatibility === "original"
    ? toOriginal(transport, { carriesBytes: false })
    : transport;
}

class RestTransport implements Transport {
  readonly #basePath: string;
  readonly #compatibility: HttpClientSettings["compatibility"];
  readonly #requester: HttpRequester;

  constructor(settings: HttpClientSettings) {
    this.#compatibility = settings.compatibility;
    this.#basePath = settings.urlPath.replace(/\/+$/, "");
    this.#requester = new HttpRequester(settings);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: TransportCallOptions = {},
  ): Promise<object> {
    const { path, ...written } = write(operation, params);
    const { method, status } = OPERATIONS[operation].route;
    const request = { operation, method, path: this.#basePath + path, signal, ...written };
    const received = await this.#requester.send(request);
    if (received.status !== status) throw refusedBy(operation, received, this.#compatibility);
    return read(operation, received);
  }

  async close(): Promise<void> {
    await this.#requester.close();
  }
}

interface Written {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | undefined;
}

function write(operation: OperationName, params: object): Written {
  const { method, path } = OPERATIONS[operation].route;
  if (method !== "POST") {
    const { id = "", requesting_principal: principal } = params as Partial<Named>;
    const headers =
      principal === undefined ? undefined : { [PRINCIPAL_HEADER]: encodeURIComponent(principal) };
    return { path: path.replace(":id", segmentOf(id)), headers: headers ?? {}, body: undefined };
  }
  const { isInPath, id, rest } = withoutId(path, params);
  const body = writeJson(giveJsonData(operation, isInPath ? rest : params));
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  };
  return { path: path.replace(":id", segmentOf(id)), headers, body };
}

interface Named {
  readonly id: string;
  readonly requesting_principal: string;
}

function withoutId(path: string, params: object) {
  const { id = "", ...rest } = params as Partial<Named>;
  return { isInPath: path.includes(":id"), id, rest };
}

/**
 * Encodes an id as one segment of the path, whatever it contains. A segment of dots would change the path.
 */
function segmentOf(id: string): string {
  const segment = encodeURIComponent(id.toWellFormed());
  return /^\.*$/.test(segment) ? "%2E" : segment;
}

/** Throws if a success response cannot be read, because the operation may have taken effect. */
function read(operation: OperationName, { body, status, requestId }: Received): object {
  const response = taken(operation, body.toString("utf8"));
  if (typeof response !== "object" || response === null)
    throw unclear(operation, { status, requestId });
  return response;
}

function taken(operation: OperationName, text: string): unknown {
  try {
    return takeJsonData(operation, readJsonResponse(text));
  } catch {
    return undefined;
  }
}

/** A client's connection to a service over HTTP. */
import { Buffer } from "node:buffer";
import { fromWireError } from "../error-table.js";
import type { Received } from "../http-client/exchange.js";
import {
  type HttpClientOptions,
  type HttpClientSettings,
  readHttpClientOptions,
} from "../http-client/options.js";
import { refusalBodyOf } from "../http-client/refusal-body.js";
import { HttpRequester } from "../http-client/requester.js";
import { giveJsonData, readJsonAnswer, takeJsonData, writeJson } from "../json-data.js";
import type { OperationName } from "../operations.js";
import { unanswered } from "../unanswered.js";
import type { Wire, WireCallOptions } from "../wire.js";
import { PRINCIPAL_HEADER, ROUTES } from "./route-table.js";

/**
 * Returns a wire to a vault's service over HTTP; it connects when it is first used.
 *
 * @param url - `http:` or `https:`, with the service's base path if it has one.
 * @throws TypeError RangeError The URL or an option is wrong, or the token would travel unprotected; the
 *   text repeats none of them.
 *
 * @example
 * ```ts
 * const wire = httpWire("https://vault.example:8421", { token: () => readToken() });
 * await wire.call("health", {}); // { status: "ok" }
 * ```
 */
export function httpWire(url: string | URL, options: HttpClientOptions = {}): Wire {
  return new HttpWire(readHttpClientOptions(url, options));
}

class HttpWire implements Wire {
  readonly #basePath: string;
  readonly #requester: HttpRequester;

  constructor(settings: HttpClientSettings) {
    this.#basePath = settings.urlPath.replace(/\/+$/, "");
    this.#requester = new HttpRequester(settings);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: WireCallOptions = {},
  ): Promise<object> {
    const { path, ...written } = write(operation, params);
    const { method } = ROUTES[operation];
    const request = { operation, method, path: this.#basePath + path, signal, ...written };
    return read(operation, await this.#requester.send(request));
  }

  async close(): Promise<void> {
    this.#requester.close();
  }
}

interface Written {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | undefined;
}

function write(operation: OperationName, params: object): Written {
  const { method, path } = ROUTES[operation];
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

/** An id is one segment of the path, whatever it holds: dots alone would lead out of it. */
function segmentOf(id: string): string {
  const segment = encodeURIComponent(id.toWellFormed());
  return /^\.*$/.test(segment) ? "%2E" : segment;
}

function read(operation: OperationName, received: Received): object {
  const { status, body } = received;
  if (status < 200 || status >= 300) throw refusalOf(received);
  const answer = parsed(body.toString("utf8"));
  // A success that says nothing: what was asked for may have happened.
  if (answer === undefined) throw unanswered(operation, new SyntaxError("The answer is no JSON."));
  return takeJsonData(operation, answer) as object;
}

function parsed(text: string): object | undefined {
  try {
    const answer = readJsonAnswer(text);
    return typeof answer === "object" && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** The original's service tells an error by its status alone. */
function refusalOf(received: Received): Error {
  const { status, retryAfterSeconds } = received;
  const { code, message } = refusalBodyOf(received);
  // What HTTP itself was refused for says nothing of a handle.
  const isOfHttp = typeof code === "string" && code.startsWith("ERR_HTTP_");
  return fromWireError({ code, message, retryAfterSeconds, ...(isOfHttp ? {} : { status }) });
}

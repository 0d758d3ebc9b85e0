/** A client's connection to a service over HTTP. */
import { Buffer } from "node:buffer";
import { setMaxListeners } from "node:events";
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import {
  OutcomeUnknownError,
  ServiceUnavailableError,
  VaultClosedError,
} from "../../vault/errors.js";
import { fromWireError } from "../error-table.js";
import { giveJsonData, readJsonAnswer, takeJsonData, writeJson } from "../json-data.js";
import type { OperationName } from "../operations.js";
import type { Wire, WireCallOptions } from "../wire.js";
import {
  type HttpClientSettings,
  type HttpWireOptions,
  readClientOptions,
} from "./client-options.js";
import { ExchangeError, exchange, type Received } from "./exchange.js";
import { PRINCIPAL_HEADER, ROUTES } from "./route-table.js";

export type { HttpClientTlsOptions, HttpWireOptions } from "./client-options.js";

const ATTEMPTS = 2;
const PAUSE_MS = 20;
/** What changes nothing may be asked again, whatever became of it the first time. */
const READS: ReadonlySet<OperationName> = new Set(["get_safe_view", "describe", "health"]);

/**
 * Returns a wire to a vault's service over HTTP; it connects when it is first used.
 *
 * @param url - `http:` or `https:`, with the service's base path if it has one.
 * @throws TypeError RangeError The URL or an option is wrong; the text repeats neither.
 *
 * @example
 * ```ts
 * const wire = httpWire("https://vault.example:8421", { token: () => readToken() });
 * await wire.call("health", {}); // { status: "ok" }
 * ```
 */
export function httpWire(url: string | URL, options: HttpWireOptions = {}): Wire {
  return new HttpWire(readClientOptions(url, options));
}

class HttpWire implements Wire {
  readonly #settings: HttpClientSettings;
  /** One of its own: the global one may be told by the environment to go through a proxy. */
  readonly #agent: Agent;
  readonly #closing = new AbortController();

  constructor(settings: HttpClientSettings) {
    const { isSecure, maxConnections, tls } = settings;
    const options = { keepAlive: true, maxSockets: maxConnections, noDelay: true };
    this.#settings = settings;
    // As many calls may wait for it as there are.
    setMaxListeners(0, this.#closing.signal);
    this.#agent = isSecure
      ? new SecureAgent({ minVersion: "TLSv1.2", ...options, ...tls })
      : new Agent(options);
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: WireCallOptions = {},
  ): Promise<object> {
    if (this.#closing.signal.aborted) throw new VaultClosedError();
    signal?.throwIfAborted();
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    return this.#attempt(operation, params, { signals, attemptsLeft: ATTEMPTS });
  }

  async close(): Promise<void> {
    this.#closing.abort(new VaultClosedError());
    this.#agent.destroy();
  }

  async #attempt(
    operation: OperationName,
    params: object,
    { signals, attemptsLeft }: Attempt,
  ): Promise<object> {
    try {
      return read(operation, await this.#send(operation, params, signals));
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      throwIfAborted(signals);
      const mayRepeat = !error.wasSent || READS.has(operation);
      if (!mayRepeat) throw new OutcomeUnknownError({ cause: error.cause });
      if (attemptsLeft <= 1) throw new ServiceUnavailableError({ cause: error.cause });
    }
    await pause(PAUSE_MS);
    return this.#attempt(operation, params, { signals, attemptsLeft: attemptsLeft - 1 });
  }

  async #send(
    operation: OperationName,
    params: object,
    signals: readonly AbortSignal[],
  ): Promise<Received> {
    const { isSecure, host, port, socketPath, basePath } = this.#settings;
    const { connectTimeoutMs, readTimeoutMs, maxAnswerBytes } = this.#settings;
    const { path, headers, body } = write(operation, params);
    const authorization = await this.#settings.authorization();
    throwIfAborted(signals);
    const request = {
      agent: this.#agent,
      method: ROUTES[operation].method,
      path: basePath + path,
      host,
      port,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(socketPath === undefined ? {} : { socketPath }),
    };
    const limits = { connectTimeoutMs, readTimeoutMs, maxAnswerBytes, signals };
    return exchange({ isSecure, request, body, ...limits });
  }
}

interface Attempt {
  readonly signals: readonly AbortSignal[];
  readonly attemptsLeft: number;
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  for (const signal of signals) signal.throwIfAborted();
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

function read(operation: OperationName, { status, retryAfter, text }: Received): object {
  const isSuccess = status >= 200 && status < 300;
  const answer = parsed(text);
  if (!isSuccess) throw refusalOf(status, answer, retryAfter);
  // A success that says nothing: what was asked for may have happened.
  if (answer === undefined)
    throw new ExchangeError(true, new SyntaxError("The answer is no JSON."));
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
function refusalOf(status: number, answer: object | undefined, retryAfter: string | undefined) {
  const { code, error: message } = (answer ?? {}) as { code?: unknown; error?: unknown };
  const retryAfterSeconds = /^\d{1,9}$/.test(retryAfter ?? "") ? Number(retryAfter) : undefined;
  // What HTTP itself was refused for says nothing of a handle.
  const isOfHttp = typeof code === "string" && code.startsWith("ERR_HTTP_");
  return fromWireError({ code, message, retryAfterSeconds, ...(isOfHttp ? {} : { status }) });
}

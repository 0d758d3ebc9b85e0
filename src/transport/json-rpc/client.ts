/**
 * The JSON-RPC 2.0 client over TCP, TLS or a Unix socket.
 *
 * @module
 */

import { ServiceUnavailableError } from "../../vault/errors.js";
import {
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../../vault/options.js";
import { CallsInFlight } from "../client/calls-in-flight.js";
import { unanswered } from "../client/lost-response.js";
import {
  CLIENT_OPTIONS,
  type ClientOptions,
  type ClientSettings,
  checkReach,
  limit,
} from "../client/options.js";
import type { Transport, TransportCallOptions } from "../client/transport.js";
import { toOriginal } from "../compat/original.js";
import { giveJsonData } from "../json/payload-data.js";
import type { OperationName } from "../service/operations.js";
import { connectTo, type Destination, destinationOf, type JsonRpcAddress } from "./address.js";
import { ClientConnection, type Outgoing } from "./client-connection.js";
import { type RpcResponse, responseOf, takeJsonResponse } from "./client-data.js";
import { ConnectionLostError } from "./connection-lost.js";

/** Options for connecting and authenticating. */
export interface JsonRpcClientOptions extends ClientOptions {
  /** Milliseconds after which an unused connection is closed. Default 20,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** The maximum size of a request in bytes, equal to the server's limit. Default 16 MiB. */
  readonly maxRequestBytes?: number | undefined;
}

type JsonRpcClientSettings = ClientSettings &
  WithDefaults<
    Omit<JsonRpcClientOptions, keyof ClientOptions>,
    "idleTimeoutMs" | "maxRequestBytes"
  >;

const OPTIONS: OptionsTable<JsonRpcClientSettings> = {
  ...CLIENT_OPTIONS,
  // Less than the server's 30 seconds, so that no call is sent on a connection that the server is closing.
  idleTimeoutMs: optional(limit, 20_000),
  maxRequestBytes: optional(limit, 16 * 1024 * 1024),
};

/**
 * Returns a transport to a JSON-RPC server. It connects at the first call, and again when necessary.
 *
 * @throws TypeError RangeError The address or an option is invalid, or the token would be sent without TLS.
 *
 * @example
 * ```ts
 * const transport = jsonRpcTransport({ path: "/run/vault/rpc.sock" });
 * ```
 */
export function jsonRpcTransport(
  address: JsonRpcAddress,
  options: JsonRpcClientOptions = {},
): Transport {
  const settings = readOptions(options, OPTIONS);
  const destination = destinationOf(address);
  const host = "host" in destination ? destination.host : undefined;
  checkReach(options, settings, { isEncrypted: settings.tls !== undefined, host });
  const transport = new JsonRpcTransport(destination, settings);
  return settings.compatibility === "original"
    ? toOriginal(transport, { carriesBytes: false, idName: "handle_id" })
    : transport;
}

class JsonRpcTransport implements Transport {
  readonly #destination: Destination;
  readonly #settings: JsonRpcClientSettings;
  #connection: Promise<ClientConnection> | undefined;
  #open: ClientConnection | undefined;
  /** The latest connection, authenticated or not. */
  #latest: ClientConnection | undefined;
  #shownToken: string | undefined;
  readonly #calls = new CallsInFlight();

  constructor(destination: Destination, settings: JsonRpcClientSettings) {
    this.#destination = destination;
    this.#settings = settings;
    this.#calls.givenUp.addEventListener("abort", () => this.#latest?.lose("closed by the client"));
  }

  async call(
    operation: OperationName,
    params: object,
    { signal }: TransportCallOptions = {},
  ): Promise<object> {
    const outgoing = { method: operation, params: giveJsonData(operation, params), signal };
    return this.#calls.run(() => this.#call(operation, outgoing));
  }

  async #call(operation: OperationName, outgoing: Outgoing): Promise<object> {
    outgoing.signal?.throwIfAborted();
    try {
      return takeJsonResponse(operation, await this.#callTwice(outgoing));
    } catch (cause) {
      if (!(cause instanceof ConnectionLostError)) throw cause;
      throw cause.wasSent ? unanswered(operation, cause) : new ServiceUnavailableError({ cause });
    }
  }

  async close(): Promise<void> {
    await this.#calls.close(this.#settings.closeTimeoutMs);
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection?.catch(() => undefined))?.end();
  }

  /** Sends a call a second time if the connection was lost before any part of the call was sent. */
  async #callTwice(outgoing: Outgoing): Promise<RpcResponse> {
    try {
      return await this.#callOnce(outgoing);
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      if (error.wasSent || error.isLate || this.#calls.isClosed) throw error;
      return await this.#callOnce(outgoing);
    }
  }

  async #callOnce(outgoing: Outgoing): Promise<RpcResponse> {
    const { signal } = outgoing;
    const connection = await abortable(this.#authenticated(), signal);
    signal?.throwIfAborted();
    return await connection.call(outgoing);
  }

  /** Returns an open connection on which the server has accepted the current token. */
  async #authenticated(): Promise<ClientConnection> {
    const current = await this.#settings.token();
    this.#calls.givenUp.throwIfAborted();
    const isStale = this.#open?.isOpen !== true;
    if (this.#connection === undefined || (isStale && this.#open !== undefined)) {
      this.#open = undefined;
      this.#connection = this.#connect(current);
    } else if (current !== this.#shownToken && this.#open !== undefined) {
      this.#connection = this.#show(this.#open, current);
    }
    return await this.#connection;
  }

  async #connect(token: string | undefined): Promise<ClientConnection> {
    const { tls, connectTimeoutMs: timeoutMs } = this.#settings;
    try {
      const socket = await connectTo(this.#destination, { tls, timeoutMs });
      const connection = new ClientConnection(socket, this.#settings);
      this.#latest = connection;
      await this.#show(connection, token);
      this.#open = connection;
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async #show(connection: ClientConnection, token: string | undefined): Promise<ClientConnection> {
    this.#shownToken = token;
    if (token === undefined) return connection;
    try {
      responseOf(
        "authenticate",
        await connection.call({ method: "authenticate", params: { token } }),
      );
      return connection;
    } catch (error) {
      connection.lose("not authenticated");
      if (!(error instanceof ConnectionLostError)) throw error;
      // No part of the call itself was sent.
      throw new ConnectionLostError(error.message, { wasSent: false, isLate: error.isLate });
    }
  }
}

/**
 * Stops waiting for a promise on abort. The promise itself continues, because other calls may wait for it.
 */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

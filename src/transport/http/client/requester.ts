import type { Buffer } from "node:buffer";
import { setMaxListeners } from "node:events";
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { pause } from "../../../primitives/timers.js";
import { ServiceUnavailableError } from "../../../vault/errors.js";
import { CallsInFlight } from "../../client/calls-in-flight.js";
import { aborted, isRead, unanswered } from "../../client/lost-response.js";
import type { OperationName } from "../../service/operations.js";
import { withLeastVersion } from "../../sockets/tls-options.js";
import { ExchangeError, exchange, type Received } from "./exchange.js";
import type { HttpClientSettings } from "./options.js";

const ATTEMPTS = 2;
const PAUSE_MS = 20;
/** How long an unused connection is kept: shorter than servers keep it. */
const IDLE_MS = 4000;

/** A request for one call of an operation. */
export interface Requested {
  readonly operation: OperationName;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer | undefined;
  /** Aborts the call; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends requests to one server over connections that are kept for later requests.
 *
 * A request that changes something is sent again only if no part of it was sent before. No request is sent
 * again after its deadline has passed.
 */
export class HttpRequester {
  readonly #settings: HttpClientSettings;
  /** A private agent, because the environment may configure the global one to use a proxy. */
  readonly #agent: Agent;
  readonly #calls = new CallsInFlight();

  constructor(settings: HttpClientSettings) {
    const { isSecure, maxConnections: maxSockets, tls } = settings;
    const options = { keepAlive: true, maxSockets, noDelay: true, timeout: IDLE_MS };
    this.#settings = settings;
    allowManyListeners(this.#calls.givenUp);
    this.#agent = isSecure
      ? new SecureAgent({ ...withLeastVersion(tls ?? {}), ...options })
      : new Agent(options);
  }

  /**
   * Sends a request and returns its response, whatever its status.
   *
   * @throws {@link ServiceUnavailableError} Nothing was changed: the request was not sent, or only reads.
   * @throws OutcomeUnknownError The request was sent, and no complete response arrived.
   * @throws VaultClosedError The requester is closed.
   */
  async send(requested: Requested): Promise<Received> {
    const { signal } = requested;
    const signals = signal === undefined ? [] : [signal];
    return this.#calls.run(() =>
      this.#attempt(requested, [...signals, this.#calls.givenUp], ATTEMPTS),
    );
  }

  /** Accepts no more requests, waits for those in flight until their limit, and closes all connections. */
  async close(): Promise<void> {
    await this.#calls.close(this.#settings.closeTimeoutMs);
    this.#agent.destroy();
  }

  async #attempt(
    requested: Requested,
    signals: readonly AbortSignal[],
    attemptsLeft: number,
  ): Promise<Received> {
    const { operation } = requested;
    try {
      return await this.#exchange(requested, signals);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      const { wasSent, isLate, cause } = error;
      if (requested.signal?.aborted === true) {
        throw aborted(operation, wasSent, requested.signal.reason);
      }
      // Aborted because the client closed. A request that was already sent may still have taken effect.
      if (!wasSent) throwIfAborted(signals);
      const isOver = isLate || this.#calls.givenUp.aborted;
      const mayRepeat = !isOver && (!wasSent || isRead(operation));
      if (!mayRepeat || attemptsLeft <= 1) {
        throw wasSent ? unanswered(operation, cause) : new ServiceUnavailableError({ cause });
      }
    }
    await pause(PAUSE_MS);
    return this.#attempt(requested, signals, attemptsLeft - 1);
  }

  async #exchange(
    { method, path, headers, body }: Requested,
    signals: readonly AbortSignal[],
  ): Promise<Received> {
    const { isSecure, host, port, path: socketPath } = this.#settings;
    const { connectTimeoutMs, responseTimeoutMs, maxResponseBytes } = this.#settings;
    throwIfAborted(signals);
    const token = await this.#settings.token();
    throwIfAborted(signals);
    const request = {
      agent: this.#agent,
      ...{ method, path, host, port },
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(socketPath === undefined ? {} : { socketPath }),
    };
    const limits = { connectTimeoutMs, responseTimeoutMs, maxResponseBytes };
    return exchange({ isSecure, request, body, signals, ...limits });
  }
}

/** A signal may have as many listeners as there are pending calls. */
function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Under happy-dom the signal is the window's: Node refuses it, and the window emits no such warning.
  }
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  for (const signal of signals) signal.throwIfAborted();
}

import type { Buffer } from "node:buffer";
import { setMaxListeners } from "node:events";
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { pause } from "../../../primitives/timers.js";
import { ServiceUnavailableError } from "../../../vault/errors.js";
import { CallsInFlight } from "../../client/calls-in-flight.js";
import { isRead, unanswered } from "../../client/lost-response.js";
import type { OperationName } from "../../service/operations.js";
import { withLeastVersion } from "../../sockets/tls-options.js";
import { ExchangeError, exchange, type Received } from "./exchange.js";
import type { HttpClientSettings } from "./options.js";

const ATTEMPTS = 2;
const PAUSE_MS = 20;
/** How long a connection is kept without use: shorter than servers keep it. */
const IDLE_MS = 4000;

/** A request that means one call of an operation. */
export interface Requested {
  readonly operation: OperationName;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer | undefined;
  /** Gives the call up; the promise then rejects with its reason. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends requests to one server, over connections that are kept for the next ones.
 *
 * What changes something is sent again only if nothing of it was sent before; nothing is sent again
 * once time has run out.
 */
export class HttpRequester {
  readonly #settings: HttpClientSettings;
  /** One of its own: the global one may be told by the environment to go through a proxy. */
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
   * Sends a request and returns its answer, whatever it says.
   *
   * @throws {@link ServiceUnavailableError} Nothing was done: it was not sent, or only reads.
   * @throws OutcomeUnknownError It was sent, and no whole answer came.
   * @throws VaultClosedError The requester is closed.
   */
  async send(requested: Requested): Promise<Received> {
    const { signal } = requested;
    const signals = signal === undefined ? [] : [signal];
    return this.#calls.run(() =>
      this.#attempt(requested, [...signals, this.#calls.givenUp], ATTEMPTS),
    );
  }

  /** Takes no more requests, gives those in flight their time, and ends all connections. */
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
      requested.signal?.throwIfAborted();
      // Given up because the client ended: what was sent may have happened all the same.
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
    const { isSecure, host, port, socketPath } = this.#settings;
    const { connectTimeoutMs, answerTimeoutMs, maxAnswerBytes } = this.#settings;
    throwIfAborted(signals);
    const token = await this.#settings.token();
    throwIfAborted(signals);
    const request = {
      agent: this.#agent,
      ...{ method, path, host, port },
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(socketPath === undefined ? {} : { socketPath }),
    };
    const limits = { connectTimeoutMs, answerTimeoutMs, maxAnswerBytes };
    return exchange({ isSecure, request, body, signals, ...limits });
  }
}

/** As many calls may wait for a signal as there are. */
function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Under happy-dom the signal is the window's: Node does not take it, and it warns of nothing.
  }
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  for (const signal of signals) signal.throwIfAborted();
}

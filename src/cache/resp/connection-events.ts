/** The events of a connection, listened to once for all caches that share it. */
import type { RespConnection } from "./vendor.js";

/** What a cache does when something happens to its connection. */
export interface ConnectionObserver {
  /** A connection to a server was lost: a command under way may have been sent again. */
  onLost(): void;
  /** A server was added, of which nothing is known. */
  onAdded(): void;
  /** A cluster was asked where its slots are. */
  onRefreshed(): void;
}

const EVENTS: readonly (readonly [event: string, method: keyof ConnectionObserver])[] = [
  ["close", "onLost"],
  ["-node", "onLost"],
  ["+node", "onAdded"],
  ["refresh", "onRefreshed"],
];

/** A listener for each cache would exceed the number from which Node warns of a leak. */
const shared = new WeakMap<RespConnection, ConnectionEvents>();

/** Observes a connection; returns a function that ends that, and with the last one every listener. */
export function observe(connection: RespConnection, observer: ConnectionObserver): () => void {
  const events = shared.get(connection) ?? new ConnectionEvents(connection);
  shared.set(connection, events);
  events.observers.add(observer);
  return () => {
    if (!events.observers.delete(observer) || events.observers.size > 0) return;
    events.stop();
    shared.delete(connection);
  };
}

class ConnectionEvents {
  readonly observers = new Set<ConnectionObserver>();
  readonly #connection: RespConnection;
  readonly #listeners: readonly (readonly [event: string, listener: () => void])[];

  constructor(connection: RespConnection) {
    this.#connection = connection;
    this.#listeners = EVENTS.map(([event, method]) => [event, () => this.#notify(method)]);
    for (const [event, listener] of this.#listeners) connection.on(event, listener);
  }

  stop(): void {
    for (const [event, listener] of this.#listeners) this.#connection.off(event, listener);
  }

  #notify(method: keyof ConnectionObserver): void {
    for (const observer of this.observers) observer[method]();
  }
}

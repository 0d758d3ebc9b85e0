/** Listens to the events of a connection, once for all caches that share the connection. */
import type { RespConnection } from "./vendor.js";

/** Receives the events of a connection. */
export interface ConnectionObserver {
  /** A connection to a server was lost: a command in flight may have been sent again. */
  onLost(): void;
  /** A server was added, whose settings are unknown. */
  onAdded(): void;
  /** The slot map of a cluster was refreshed. */
  onRefreshed(): void;
}

const EVENTS: readonly (readonly [event: string, method: keyof ConnectionObserver])[] = [
  ["close", "onLost"],
  ["-node", "onLost"],
  ["+node", "onAdded"],
  ["refresh", "onRefreshed"],
];

/** One listener for each cache could exceed the number at which Node warns of a leak. */
const shared = new WeakMap<RespConnection, ConnectionEvents>();

/** Observes a connection. Returns a function that stops it; the last one removes all listeners. */
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

/** A connection and the state that the cache keeps for it. */
import { performance } from "node:perf_hooks";
import { CommandQueue } from "./command-queue.js";
import { observe } from "./connection-events.js";
import { DeadlineTimer } from "./deadline-timer.js";
import { DurabilityProbe } from "./durability.js";
import type { ReplicaWait } from "./options.js";
import { defineScripts } from "./scripts.js";
import { mastersOf, type RespConnection, refreshSlots } from "./vendor.js";

/** The shortest time between two requests for a cluster's slot map. */
const REFRESH_INTERVAL_MS = 100;

/** A connection in use by a cache. */
export class ConnectionState {
  readonly connection: RespConnection;
  readonly isCluster: boolean;
  readonly waitForReplicas: ReplicaWait | undefined;
  readonly durability: DurabilityProbe;
  readonly queue: CommandQueue;
  readonly deadlineTimer: DeadlineTimer = new DeadlineTimer();
  /** The number of lost connections. After a loss, a command in flight may have been sent again. */
  losses = 0;
  #isOpen = true;
  #masters = "";
  #refreshedAtMs = 0;
  readonly #stopObserving: () => void;

  constructor(connection: RespConnection, waitForReplicas: ReplicaWait | undefined) {
    this.connection = connection;
    this.isCluster = connection.isCluster === true;
    this.waitForReplicas = waitForReplicas;
    this.durability = new DurabilityProbe(connection);
    this.queue = new CommandQueue(connection);
    defineScripts(connection);
    this.#stopObserving = observe(connection, {
      onLost: () => this.#lose(),
      onAdded: () => this.durability.invalidate(),
      onRefreshed: () => this.#refreshed(),
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Refreshes the slot map in the background: the client libraries do so only after some failures. */
  relocate(): void {
    const nowMs = performance.now();
    if (!this.isCluster || nowMs - this.#refreshedAtMs < REFRESH_INTERVAL_MS) return;
    this.#refreshedAtMs = nowMs;
    void refreshSlots(this.connection);
  }

  /** Stops using the connection. */
  release(): void {
    this.#isOpen = false;
    this.#stopObserving();
  }

  #lose(): void {
    this.losses += 1;
    this.durability.invalidate();
  }

  /** Compares the masters: no other event reports that a replica, whose connection stays, became a master. */
  #refreshed(): void {
    const masters = mastersOf(this.connection).map(placeOf).sort().join(" ");
    if (masters !== this.#masters) this.durability.invalidate();
    this.#masters = masters;
  }
}

function placeOf(node: object): string {
  const { options } = node as { options?: { host?: unknown; port?: unknown } };
  return `${options?.host}:${options?.port}`;
}

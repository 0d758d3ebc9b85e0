/**
 * The limits that all servers share: rates, requests in flight and connections.
 *
 * @module
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { setBounded } from "../../primitives/bounded-map.js";
import { isTlsSocket } from "../sockets/tls-socket.js";

/** The default budget of a server for received and outgoing bytes that it holds at once. */
export const DEFAULT_MAX_BUFFERED_BYTES: number = 256 * 1024 * 1024;
const MINUTE_MS = 60_000;
/** This many keys take about a megabyte. */
const MAX_KEYS = 10_000;

/** The rate allowed for each key. */
export interface RateOptions {
  /** The number of events a minute, and also the number at once after a pause. */
  readonly perMinute: number;
  /** Milliseconds since any fixed moment; never decreases. */
  readonly elapsedMs?: (() => number) | undefined;
}

interface Bucket {
  readonly left: number;
  readonly atMs: number;
}

/**
 * Counts events for each key and limits them to a number a minute. After a pause, that many may come at once.
 */
export class RateLimit {
  readonly #perMinute: number;
  readonly #elapsedMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perMinute, elapsedMs = () => performance.now() }: RateOptions) {
    this.#perMinute = perMinute;
    this.#elapsedMs = elapsedMs;
  }

  /** The number of remembered keys. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Returns the number of seconds until the key may continue; `undefined` if it may now. */
  retryAfterSeconds(key: string): number | undefined {
    const { left } = this.#refilled(key);
    if (left >= 1) return undefined;
    return Math.ceil(((1 - left) * MINUTE_MS) / this.#perMinute / 1000);
  }

  /** Returns how many events the key may have now. */
  left(key: string): number {
    return Math.floor(this.#refilled(key).left);
  }

  /** Counts one event for the key, allowed or not. */
  count(key: string): void {
    const { left, atMs } = this.#refilled(key);
    setBounded(this.#buckets, key, { left: Math.max(0, left - 1), atMs }, MAX_KEYS);
  }

  #refilled(key: string): Bucket {
    const atMs = this.#elapsedMs();
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { left: this.#perMinute, atMs };
    const gained = ((atMs - bucket.atMs) * this.#perMinute) / MINUTE_MS;
    return { left: Math.min(this.#perMinute, bucket.left + gained), atMs };
  }
}

/** Limits the requests in flight, and detects when there are none. */
export class InFlightLimit {
  readonly #limit: number;
  #count = 0;
  #whenIdle: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns a function to call when the request has ended, or `undefined` when there are too many. */
  enter(): (() => void) | undefined {
    if (this.#count >= this.#limit) return undefined;
    this.#count++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#leave();
    };
  }

  /** Resolves as soon as no request is in flight. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #leave(): void {
    this.#count--;
    if (this.#count > 0) return;
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }
}

/** Limits the connections: the oldest unauthenticated one is closed for a new one. */
export class ConnectionLimit {
  readonly #limit: number;
  /** In order of arrival. */
  readonly #unproven = new Set<Socket>();
  readonly #proven = new Set<Socket>();
  /** By remote address and port, because TLS wraps the admitted socket in another one. */
  readonly #byEnd = new Map<string, Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#unproven.size + this.#proven.size;
  }

  /** Admits a new connection; destroys it if all others are authenticated. */
  admit(socket: Socket): void {
    this.#unproven.add(socket);
    const end = endOf(socket);
    if (end !== undefined) this.#byEnd.set(end, socket);
    socket.once("close", () => {
      this.#forget(socket);
      if (end !== undefined && this.#byEnd.get(end) === socket) this.#byEnd.delete(end);
    });
    if (this.count <= this.#limit) return;
    const [oldest] = this.#unproven;
    if (oldest === undefined) return;
    this.#forget(oldest);
    oldest.destroy();
  }

  /** Marks a connection as authenticated, so that it is not closed for a new one. */
  authenticated(socket: Socket): void {
    const admitted = this.#admittedOf(socket);
    if (this.#unproven.delete(admitted)) this.#proven.add(admitted);
  }

  /** Closes every connection at once. */
  destroyAll(): void {
    for (const socket of [...this.#unproven, ...this.#proven]) socket.destroy();
  }

  #admittedOf(socket: Socket): Socket {
    const end = isTlsSocket(socket) ? endOf(socket) : undefined;
    return (end === undefined ? undefined : this.#byEnd.get(end)) ?? socket;
  }

  #forget(socket: Socket): void {
    this.#unproven.delete(socket);
    this.#proven.delete(socket);
  }
}

/** Returns a key for the remote end; all connections over a Unix socket have the same one. */
function endOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}

/** The cache contract on Redis and Valkey servers, over ioredis or iovalkey. */
import {
  type CacheBackend,
  type CacheCallOptions,
  type CacheCapabilities,
  type CacheEntry,
  type CachePage,
  type CacheRecord,
  type InsertOptions,
  MAX_INLINE_BYTES,
  type ReplaceOptions,
} from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { Deadline, refuseAborted } from "../deadline.js";
import { ConnectionState } from "./connection-state.js";
import { causeOf, failureOf } from "./failures.js";
import { Insert } from "./insert.js";
import { bodyKeyOf, KeySpace } from "./keys.js";
import { Delete, Get, GetBody, Remove, Replace } from "./operations.js";
import { checkCacheOptions, type RespCacheOptions } from "./options.js";
import { scanKeys } from "./scan.js";
import { checkConnection, type RespConnection } from "./vendor.js";

const DEFAULT_PREFIX = "hv:";
const READY_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 1000;

/** Whether the cache owns the connection, so that `close` closes it. */
export type Ownership = "owned" | "borrowed";

/** Implements the cache contract over a connection. */
export class RespCache implements CacheBackend {
  readonly shared = true;
  readonly outlivesProcess = true;
  readonly maxInlineBytes: number = MAX_INLINE_BYTES;
  readonly #state: ConnectionState;
  readonly #keys: KeySpace;
  readonly #ownership: Ownership;
  #closing: Promise<void> | undefined;

  constructor(connection: RespConnection, options: RespCacheOptions, ownership: Ownership) {
    checkConnection(connection, "connection");
    checkCacheOptions(options, "cache options");
    const { keyPrefix = DEFAULT_PREFIX, waitForReplicas } = options;
    if (waitForReplicas !== undefined && connection.isCluster === true) {
      // WAIT has no key, so a cluster's connection would send it to an arbitrary server.
      throw new TypeError("waitForReplicas cannot be used with a cluster");
    }
    this.#keys = new KeySpace(keyPrefix);
    this.#state = new ConnectionState(connection, waitForReplicas);
    this.#ownership = ownership;
  }

  async ready(): Promise<CacheCapabilities> {
    this.#checkOpen();
    const { connection, durability } = this.#state;
    if (connection.status === "wait") connection.connect().catch(ignore);
    const deadline = new Deadline({ timeoutMs: READY_TIMEOUT_MS });
    const capabilities = await this.#retrying(deadline, () => durability.establish());
    this.#checkOpen();
    return capabilities;
  }

  insert(key: string, record: CacheRecord, options: InsertOptions): Promise<"inserted" | "exists"> {
    return new Insert(this.#state, { headKey: this.#keys.headOf(key), record }, options).run();
  }

  get(key: string, options?: CacheCallOptions): Promise<CacheEntry | undefined> {
    return new Get(this.#state, this.#keys.headOf(key), options).run();
  }

  getBody(key: string, options?: CacheCallOptions): Promise<Uint8Array | undefined> {
    return new GetBody(this.#state, bodyKeyOf(this.#keys.headOf(key)), options).run();
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): Promise<"replaced" | "conflict" | "absent"> {
    const headKey = this.#keys.headOf(key);
    if (head === undefined) return new Remove(this.#state, headKey, options).run();
    return new Replace(this.#state, { headKey, head }, options).run();
  }

  delete(key: string, options?: CacheCallOptions): Promise<boolean> {
    return new Delete(this.#state, this.#keys.headOf(key), options).run();
  }

  /** Returns 0: the servers purge expired keys themselves. */
  purgeExpired(_limit: number, options?: CacheCallOptions): number {
    refuseAborted(options);
    this.#checkOpen();
    return 0;
  }

  async scan(cursor?: string, options?: CacheCallOptions): Promise<CachePage> {
    refuseAborted(options);
    this.#checkOpen();
    const deadline = new Deadline(options);
    const halfTimeMs = deadline.remainingMs / 2;
    const page = await this.#retrying(deadline, () =>
      scanKeys({
        connection: this.#state.connection,
        space: this.#keys,
        cursor,
        isLate: () => deadline.remainingMs < halfTimeMs,
      }),
    );
    const entries = await this.#entriesOf(page.keys, {
      signal: options?.signal,
      timeoutMs: deadline.remainingMs,
    });
    return page.cursor === undefined ? { entries } : { entries, cursor: page.cursor };
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #entriesOf(
    keys: readonly string[],
    options: CacheCallOptions,
  ): Promise<CachePage["entries"]> {
    const found = await Promise.all(keys.map((key) => this.get(key, options)));
    return keys.flatMap((key, index) => {
      const entry = found[index];
      return entry === undefined ? [] : [{ key, head: entry.head, revision: entry.revision }];
    });
  }

  /** Repeats a read until it succeeds, the server refuses it, or the deadline passes. */
  async #retrying<T>(deadline: Deadline, read: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await deadline.bound(read(), () => new CacheUnavailableError());
      } catch (error) {
        if (error instanceof RangeError) throw error;
        const isFinal = failureOf(error) === "refused" || this.#state.connection.status === "end";
        if (isFinal || deadline.hasPassed || !this.#state.isOpen) {
          throw new CacheUnavailableError({ cause: causeOf(error) });
        }
      }
      await deadline.pause(attempt);
      this.#state.relocate();
    }
  }

  #checkOpen(): void {
    if (!this.#state.isOpen) throw new CacheUnavailableError();
  }

  async #close(): Promise<void> {
    this.#state.release();
    if (this.#ownership === "borrowed") return;
    const { connection } = this.#state;
    const deadline = new Deadline({ timeoutMs: CLOSE_TIMEOUT_MS });
    // The server replies to all earlier commands first. A server that does not reply is not waited for.
    await deadline.bound(connection.quit(), () => new CacheUnavailableError()).catch(ignore);
    connection.disconnect();
  }
}

function ignore(): void {}

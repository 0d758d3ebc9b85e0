/** A cache whose records a test alters when the vault reads them, as an attacker with write access could. */
import type {
  CacheBackend,
  CacheCapabilities,
  CacheEntry,
  CachePage,
  CacheRecord,
  InsertOptions,
  MaybePromise,
  ReplaceOptions,
} from "../../src/vault/contracts.js";
import { andThen } from "../../src/vault/maybe-promise.js";

/** Returns the altered form of a stored head. */
export type AlterHead = (head: Buffer) => Uint8Array;
/** Returns the altered form of a stored body; `undefined` to remove it. */
export type AlterBody = (body: Buffer) => MaybePromise<Uint8Array | undefined>;

/** Wraps a cache. Only reads return altered records; the stored records are unchanged. */
export class AlteredCache implements CacheBackend {
  readonly shared = false;
  readonly outlivesProcess = false;
  readonly #cache: CacheBackend;
  readonly #heads = new Map<string, AlterHead>();
  readonly #bodies = new Map<string, AlterBody>();
  /** The number of bodies that were read. */
  bodiesRead = 0;

  constructor(cache: CacheBackend) {
    this.#cache = cache;
  }

  /** Alters the record of one key in all later reads. Omitted parts are unchanged. */
  alter(key: string, changes: { readonly head?: AlterHead; readonly body?: AlterBody }): void {
    this.restore(key);
    if (changes.head !== undefined) this.#heads.set(key, changes.head);
    if (changes.body !== undefined) this.#bodies.set(key, changes.body);
  }

  /** Stops altering the record of one key. */
  restore(key: string): void {
    this.#heads.delete(key);
    this.#bodies.delete(key);
  }

  /** Returns a copy of the stored record. */
  async stored(key: string): Promise<{ head: Buffer; body: Buffer | undefined }> {
    const entry = await this.#cache.get(key);
    if (entry === undefined || entry === "evicted") throw new Error("no such record");
    const body = await this.#cache.getBody(key);
    return {
      head: Buffer.from(entry.head),
      body: body === undefined ? undefined : Buffer.from(body),
    };
  }

  /** Overwrites the stored record, as an attacker with write access could. */
  async overwrite(key: string, record: CacheRecord): Promise<void> {
    await this.#cache.delete(key);
    await this.#cache.insert(key, record, { purgeAfterMs: 3_600_000 });
  }

  get(key: string): MaybePromise<CacheEntry | "evicted" | undefined> {
    const alter = this.#heads.get(key);
    return andThen(this.#cache.get(key), (entry) =>
      alter === undefined || entry === undefined || entry === "evicted"
        ? entry
        : { ...entry, head: alter(Buffer.from(entry.head)) },
    );
  }

  getBody(key: string): MaybePromise<Uint8Array | undefined> {
    this.bodiesRead += 1;
    const alter = this.#bodies.get(key);
    return andThen(this.#cache.getBody(key), (body) =>
      alter === undefined || body === undefined ? body : alter(Buffer.from(body)),
    );
  }

  ready(): MaybePromise<CacheCapabilities> {
    return this.#cache.ready();
  }

  insert(
    key: string,
    record: CacheRecord,
    options: InsertOptions,
  ): MaybePromise<"inserted" | "exists"> {
    return this.#cache.insert(key, record, options);
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): MaybePromise<"replaced" | "conflict" | "absent"> {
    return this.#cache.replace(key, head, options);
  }

  delete(key: string): MaybePromise<boolean> {
    return this.#cache.delete(key);
  }

  purgeExpired(limit: number): MaybePromise<number> {
    return this.#cache.purgeExpired(limit);
  }

  scan(cursor?: string): MaybePromise<CachePage> {
    return this.#cache.scan(cursor);
  }

  close(): MaybePromise<void> {
    return this.#cache.close();
  }
}

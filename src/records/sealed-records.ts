/** Reads and writes the vault's sealed records in a cache. */
import type { PackedPayload } from "../codec/vault-codec.js";
import type {
  CacheBackend,
  CacheCapabilities,
  CacheEntry,
  CachePage,
  MaybePromise,
  Revision,
} from "../vault/contracts.js";
import {
  CacheUnavailableError,
  HandleEvictedError,
  isVaultError,
  OutcomeUnknownError,
  RecordIntegrityError,
} from "../vault/errors.js";
import { GONE, HighWaterMarks } from "../vault/high-water.js";
import { adoptThenable, andThen, isPromise } from "../vault/maybe-promise.js";
import type { RecordFields, RecordForm } from "../vault/record.js";
import type { PendingWrites } from "./pending-writes.js";
import { type OpenedHead, RecordSealer, type RecordSealerOptions } from "./record-sealer.js";

/** Options of {@link SealedRecords}. */
export interface SealedRecordsOptions extends RecordSealerOptions {
  readonly cache: CacheBackend;
  /** Shared by all vaults that write under the same keys. */
  readonly pendingWrites: PendingWrites;
  /** Time limit for a cache operation, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Called when the cache no longer has the capabilities it reported: it must be made ready again before its
   * next use.
   */
  readonly onUnsafe: () => void;
}

/** A decrypted state of a record. The caller wipes its plaintext. */
export interface OpenRecord extends OpenedHead {
  readonly lookupId: string;
  /** The cache's revision token for this state. */
  readonly state: Revision;
}

/** Thrown if a record changed between the reads of its head and body: the caller must read it again. */
export class RecordMoved extends Error {}

/** The result of replacing or removing one state of a record. */
export type Replaced = "replaced" | "conflict" | "absent";

/** Reads and writes sealed records. */
export class SealedRecords {
  readonly #sealer: RecordSealer;
  readonly #cache: CacheBackend;
  readonly #call: { readonly timeoutMs: number };
  readonly #highWater = new HighWaterMarks();
  readonly #onUnsafe: () => void;
  readonly #pendingWrites: PendingWrites;
  /** Ends the waits for pending writes. */
  readonly #endWaits = new Set<() => void>();
  /** The tenant that the records are bound to. */
  readonly tenant: string | undefined;
  #evicts = false;

  constructor(options: SealedRecordsOptions) {
    this.tenant = options.tenant;
    this.#sealer = new RecordSealer(options);
    this.#cache = options.cache;
    this.#call = { timeoutMs: options.timeoutMs };
    this.#onUnsafe = options.onUnsafe;
    this.#pendingWrites = options.pendingWrites;
  }

  /** Makes the cache ready and returns its capabilities. */
  async ready(): Promise<CacheCapabilities> {
    const capabilities = await guardRead(() => this.#cache.ready());
    this.#evicts = capabilities.evicts;
    return capabilities;
  }

  /** Closes the cache. */
  async close(): Promise<void> {
    for (const end of this.#endWaits) end();
    await this.#write(() => this.#cache.close());
  }

  /**
   * Waits until every write under the same keys that has already begun has settled, in all vaults of this
   * process. Returns early when these records are closed.
   */
  async begunWritesSettled(): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#endWaits.delete(end);
        resolve();
      };
      this.#endWaits.add(end);
      void this.#pendingWrites.begunSettled().then(end);
    });
  }

  /** Removes at most `limit` expired records; returns the number removed. */
  async purgeExpired(limit: number): Promise<number> {
    return this.#write(() => this.#cache.purgeExpired(limit, this.#call));
  }

  /** Returns a page of stored records, without decrypting them. */
  async scan(cursor: string | undefined): Promise<CachePage> {
    return guardRead(() => this.#cache.scan(cursor, this.#call));
  }

  /** Returns a stored record, without decrypting it. */
  async stored(lookupId: string): Promise<CacheEntry | "evicted" | undefined> {
    return guardRead(() => this.#cache.get(lookupId, this.#call));
  }

  /** Replaces a stored head, without decrypting it, by one with the same content under another key. */
  async replaceStored(lookupId: string, head: Uint8Array, state: Revision): Promise<Replaced> {
    const options = { ifRevision: state, ...this.#call };
    return this.#write(() => this.#cache.replace(lookupId, head, options));
  }

  /** Stores a new record. */
  insert(
    lookupId: string,
    fields: RecordFields,
    packed: PackedPayload,
    purgeAfterMs: number,
  ): MaybePromise<"inserted" | "exists"> {
    const options = { purgeAfterMs, timeoutMs: this.#call.timeoutMs };
    return this.#pendingWrites.run(() =>
      andThen(this.#sealer.seal(lookupId, fields, packed), (record) =>
        this.#write(() => this.#cache.insert(lookupId, record, options)),
      ),
    );
  }

  /**
   * Returns a record with its head decrypted, and without its body.
   *
   * @throws {@link RecordIntegrityError} The record was altered, or is an earlier state of itself.
   * @throws RecordUnsupportedError `KeyNotFoundError` {@link CacheUnavailableError}
   */
  read(lookupId: string): MaybePromise<OpenRecord | "evicted" | undefined> {
    const floor = this.#highWater.floorOf(lookupId);
    return floor === GONE ? undefined : this.#readFrom(lookupId, floor);
  }

  /**
   * Returns a record even if it is an earlier state of itself or reappeared after it was deleted. Use the
   * result only to delete the record; this is safe because the owner is the same in every state.
   *
   * @throws as {@link SealedRecords.read} does.
   */
  readAnyState(lookupId: string): MaybePromise<OpenRecord | "evicted" | undefined> {
    return this.#readFrom(lookupId, 0);
  }

  /**
   * Returns a record and accepts its state as the newest from now on, although a later one was known. A
   * record that this process deleted stays deleted.
   */
  async acceptEarlier(lookupId: string): Promise<OpenRecord | "evicted" | undefined> {
    if (this.#highWater.floorOf(lookupId) === GONE) return undefined;
    const found = await this.readAnyState(lookupId);
    if (typeof found === "object") this.#highWater.lower(lookupId, found.fields.revision);
    return found;
  }

  /**
   * Returns a new copy of a record's payload.
   *
   * @throws {@link RecordMoved} The record was deleted or spent since it was read.
   * @throws {@link RecordIntegrityError} Its body is missing or was altered.
   * @throws {@link HandleEvictedError} Its body is missing, and the cache is one that evicts.
   */
  payloadOf(record: OpenRecord): MaybePromise<unknown> {
    return this.#sealer.unpack(record, () =>
      andThen(
        guardRead(() => this.#cache.getBody(record.lookupId, this.#call)),
        (body) => body ?? this.#missingBody(record),
      ),
    );
  }

  /** Replaces the fields of a record; its payload is unchanged. */
  rewrite(record: OpenRecord, fields: RecordFields, purgeAfterMs?: number): Promise<Replaced> {
    return this.#replace(record, { form: record.form, fields }, purgeAfterMs);
  }

  /** Replaces a record by one without a payload. */
  spend(record: OpenRecord, fields: RecordFields): Promise<Replaced> {
    return this.#replace(record, { form: "spent", fields });
  }

  /** Deletes a record if it is still in this state. */
  async remove({ lookupId, state }: OpenRecord): Promise<Replaced> {
    const options = { ifRevision: state, ...this.#call };
    const outcome = await this.#write(() => this.#cache.replace(lookupId, undefined, options));
    if (outcome === "replaced") this.#highWater.markDeleted(lookupId);
    return outcome;
  }

  /** Deletes a record in any state. */
  async delete(lookupId: string): Promise<void> {
    const existed = await this.#write(() => this.#cache.delete(lookupId, this.#call));
    if (existed) this.#highWater.markDeleted(lookupId);
  }

  /** Runs a write. If it fails, its outcome is unknown unless the cache reports that nothing was written. */
  #write<T>(call: () => MaybePromise<T>): MaybePromise<T> {
    return guard(call, this.#failedWrite);
  }

  readonly #failedWrite = (error: unknown): never => {
    if (isVaultError(error, "ERR_VAULT_CACHE_UNSAFE")) this.#onUnsafe();
    throw isVaultError(error) ? error : new OutcomeUnknownError({ cause: error });
  };

  /**
   * Finds out why a body is missing. A body is deleted only with its record or with the last use, so it
   * returns `undefined` (a damaged record) if the record is unchanged and the cache does not evict; otherwise
   * it throws.
   */
  async #missingBody({ lookupId, state }: OpenRecord): Promise<undefined> {
    const entry = await this.stored(lookupId);
    const stands = entry !== undefined && entry !== "evicted" && entry.revision === state;
    if (!stands) throw new RecordMoved();
    if (this.#evicts) throw new HandleEvictedError();
  }

  #readFrom(lookupId: string, floor: number): MaybePromise<OpenRecord | "evicted" | undefined> {
    const opened = this.#fetch(lookupId, floor);
    if (!isPromise(opened)) return opened;
    return opened.catch((error: unknown) => {
      // The record may have been rewrapped during the read, and its old key removed: read it again.
      if (isVaultError(error, "ERR_VAULT_KEY_NOT_FOUND")) return this.#fetch(lookupId, floor);
      throw error;
    });
  }

  #fetch(lookupId: string, floor: number): MaybePromise<OpenRecord | "evicted" | undefined> {
    const found = guardRead(() => this.#cache.get(lookupId, this.#call));
    if (!isPromise(found)) return this.#opened(lookupId, found, floor);
    return found.then((entry) => this.#opened(lookupId, entry, floor));
  }

  #opened(
    lookupId: string,
    entry: CacheEntry | "evicted" | undefined,
    floor: number,
  ): MaybePromise<OpenRecord | "evicted" | undefined> {
    if (entry === undefined || entry === "evicted") return entry;
    const opened = this.#sealer.open(lookupId, entry.head);
    const place = { lookupId, state: entry.revision };
    return andThen(opened, (head) => this.#checkNotRolledBack(place, head, floor));
  }

  #checkNotRolledBack(
    { lookupId, state }: { readonly lookupId: string; readonly state: Revision },
    opened: OpenedHead,
    floor: number,
  ): OpenRecord {
    const { form, fields, plaintext, tailAt } = opened;
    if (fields.revision < floor) {
      plaintext.fill(0);
      throw new RecordIntegrityError("rolled-back");
    }
    if (fields.revision > 0) this.#highWater.raise(lookupId, fields.revision);
    return { lookupId, form, fields, plaintext, tailAt, state };
  }

  async #replace(
    record: OpenRecord,
    next: { readonly form: RecordForm; readonly fields: RecordFields },
    purgeAfterMs?: number,
  ): Promise<Replaced> {
    const { lookupId, state } = record;
    const dropBody = record.form === "detached" && next.form === "spent";
    const options = { ifRevision: state, purgeAfterMs, dropBody, ...this.#call };
    const outcome = await this.#pendingWrites.run(() =>
      andThen(this.#sealer.reseal(lookupId, record, next), (head) =>
        this.#write(() => this.#cache.replace(lookupId, head, options)),
      ),
    );
    if (outcome === "replaced") this.#highWater.raise(lookupId, next.fields.revision);
    return outcome;
  }
}

/**
 * Runs a read. Every error becomes a `CacheUnavailableError`: a failed read must not look like a missing
 * record.
 */
function guardRead<T>(call: () => MaybePromise<T>): MaybePromise<T> {
  return guard(call, failedRead);
}

function failedRead(error: unknown): never {
  throw isVaultError(error) ? error : new CacheUnavailableError({ cause: error });
}

function guard<T>(call: () => MaybePromise<T>, failed: (error: unknown) => never): MaybePromise<T> {
  try {
    const result = adoptThenable(call());
    return isPromise(result) ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

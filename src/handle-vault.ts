/**
 * The vault of this process.
 *
 * @module
 */

import type { VaultCodec } from "./codec/vault-codec.js";
import { type HandleVaultOptions, isLasting, vaultParts } from "./handle-vault-options.js";
import { LeakGuard } from "./leak-guard/leak-guard.js";
import { type RewrapOptions, type RewrapReport, rewrapRecords } from "./records/rewrap.js";
import { type OpenRecord, RecordMoved, SealedRecords } from "./records/sealed-records.js";
import {
  isExpired,
  mayChange,
  mayDescribe,
  mayUnseal,
  type Verdict,
} from "./vault/access-policy.js";
import { rangeFault } from "./vault/argument-errors.js";
import { limitsIn, readCallOptions, runLimited, withoutLimits } from "./vault/call-options.js";
import {
  checkBy,
  checkHandleAnd,
  checkRequest,
  checkSealOptions,
  checkTtlSeconds,
  MAX_GRANTS,
} from "./vault/checks.js";
import { monotonicClock } from "./vault/clock.js";
import type { CacheBackend, Clock, Encryptor } from "./vault/contracts.js";
import {
  CacheUnavailableError,
  CacheUnsafeError,
  HandleAccessDeniedError,
  HandleEvictedError,
  HandleExhaustedError,
  HandleExpiredError,
  HandleNotFoundError,
  VaultClosedError,
} from "./vault/errors.js";
import {
  HandleDescription,
  type HandleReference,
  handleIdOf,
  isHandleId,
  lookupIdOf,
  newHandleId,
  OpaqueHandle,
} from "./vault/handle.js";
import { KeyedMutex } from "./vault/keyed-mutex.js";
import { mapSettled } from "./vault/map-settled.js";
import { isPromise } from "./vault/maybe-promise.js";
import { nextRevision, type RecordFields } from "./vault/record.js";
import { resolveSafeView } from "./vault/resolve-safe-view.js";
import { type Attempt, retryOnConflict } from "./vault/retry-on-conflict.js";
import type { StandardSchema } from "./vault/standard-schema.js";
import { timeSlices } from "./vault/time-slices.js";
import { checkedOutcomes, checkedPayload, readUnsealOptions } from "./vault/typed-payload.js";
import type {
  CallOptions,
  ChangeOptions,
  Outcome,
  SealOptions,
  SealRequest,
  UnsealOptions,
  UnsealRequest,
  Vault,
} from "./vault/vault.js";

/** A record outlives its handle by this time, so that an expired handle is not reported as unknown. */
const GRACE_MS = 60_000;
const PURGE_BATCH = 1000;

/**
 * Seals payloads into a cache, and opens them for their owners and the principals that these granted access.
 *
 * By default it keeps up to 100,000 handles in memory, encrypted with AES-256-GCM under a random key that
 * only this process has.
 *
 * @example
 * ```ts
 * const vault = new HandleVault();
 * const handle = await vault.seal({ ssn: "123-45-6789" }, { ownerPrincipal: "hr", safeView: "a record" });
 * await vault.unseal(handle.id, "hr"); // { ssn: "123-45-6789" }
 * ```
 */
export class HandleVault implements Vault {
  readonly #cache: CacheBackend;
  readonly #codec: VaultCodec;
  readonly #encryptor: Encryptor;
  readonly #clock: Clock;
  readonly #records: SealedRecords;
  readonly #acceptVolatile: boolean;
  readonly #leakGuard: LeakGuard;
  readonly #mutex = new KeyedMutex();
  #state: "new" | "ready" | "closed" = "new";
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @throws TypeError An option is unknown or of the wrong type, or both `keys` and a codec with its
   *   own encryptor are given.
   * @throws CacheUnsafeError The cache outlives the process, but the keys do not.
   */
  constructor(options: HandleVaultOptions = {}) {
    const parts = vaultParts(options);
    this.#cache = parts.cache;
    this.#codec = parts.codec;
    this.#encryptor = parts.encryptor;
    this.#clock = monotonicClock(parts.clock);
    this.#acceptVolatile = parts.acceptVolatile;
    this.#leakGuard = new LeakGuard(parts.leakGuard);
    this.#records = new SealedRecords({
      ...parts,
      onUnsafe: () => {
        if (this.#state === "ready") this.#state = "new";
      },
    });
  }

  async seal(data: unknown, options: SealOptions): Promise<OpaqueHandle> {
    const limits = limitsIn(options);
    if (limits !== undefined) {
      return runLimited("writes", limits, () => this.seal(data, withoutLimits(options)));
    }
    const checked = checkSealOptions(options);
    const { ownerPrincipal, ttlSeconds, maxUses, grantedPrincipals, leakGuard: setting } = checked;
    if (this.#state !== "ready") await this.#open();

    const packing = this.#codec.pack(data);
    const packed = isPromise(packing) ? await packing : packing;
    const writing = resolveSafeView(data, checked);
    const view = isPromise(writing) ? await writing : writing;
    this.#leakGuard.check({ data, view, setting, isAscii: this.#codec.isAscii(packed) });
    const createdAtMs = this.#clock.now();
    const fields: RecordFields = {
      revision: 0,
      ownerPrincipal,
      grantedPrincipals,
      createdAtMs,
      expiresAtMs: createdAtMs + toMs(ttlSeconds),
      usesLeft: maxUses,
      safeView: view.text,
    };
    const purgeAfterMs = toMs(ttlSeconds) + GRACE_MS;
    const id = newHandleId();
    const inserting = this.#records.insert(lookupIdOf(id), fields, packed, purgeAfterMs);
    const outcome = isPromise(inserting) ? await inserting : inserting;
    // 128 random bits do not repeat, so a cache that already has this key is faulty.
    if (outcome !== "inserted") throw new CacheUnavailableError();
    return toHandle(id, fields);
  }

  unseal<Output>(
    handle: HandleReference,
    requestingPrincipal: string,
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Output>;
  unseal<T = unknown>(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: UnsealOptions,
  ): Promise<T>;
  async unseal<T>(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: UnsealOptions,
  ): Promise<T> {
    if (options !== undefined) {
      const checked = readUnsealOptions(options);
      const open = () => this.unseal<T>(handle, requestingPrincipal);
      return checkedPayload(await runLimited("writes", checked.limits, open), checked);
    }
    const handleId = checkHandleAnd(requestingPrincipal, handle);
    if (this.#state !== "ready") await this.#open();
    const finding = this.#find(handleId);
    const record = isPromise(finding) ? await finding : finding;
    try {
      assertAllowed(mayUnseal(record.fields, requestingPrincipal, this.#clock.now()));
      if (record.fields.usesLeft === undefined) {
        const reading = this.#records.payloadOf(record);
        if (!isPromise(reading)) return reading as T;
        const payload = await reading;
        this.#assertNotExpired(record);
        return payload as T;
      }
    } catch (error) {
      // The record changed after it was read: it is read again below.
      if (!(error instanceof RecordMoved)) throw error;
    } finally {
      record.plaintext.fill(0);
    }
    // Limited uses are counted one caller at a time, each on a new read.
    return this.#mutex.run(
      record.lookupId,
      () => this.#unsealFresh(handleId, requestingPrincipal) as Promise<T>,
    );
  }

  async getSafeView(handle: HandleReference, options?: CallOptions): Promise<string> {
    if (options !== undefined) {
      return runLimited("reads", readCallOptions(options), () => this.getSafeView(handle));
    }
    const handleId = handleIdOf(handle);
    if (this.#state !== "ready") await this.#open();
    const { fields, plaintext } = await this.#find(handleId);
    plaintext.fill(0);
    if (isExpired(fields, this.#clock.now())) throw new HandleExpiredError();
    return fields.safeView;
  }

  async describe(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: CallOptions,
  ): Promise<HandleDescription> {
    if (options !== undefined) {
      const describe = () => this.describe(handle, requestingPrincipal);
      return runLimited("reads", readCallOptions(options), describe);
    }
    const handleId = checkHandleAnd(requestingPrincipal, handle);
    if (this.#state !== "ready") await this.#open();
    const { fields, plaintext } = await this.#find(handleId);
    plaintext.fill(0);
    assertAllowed(mayDescribe(fields, requestingPrincipal, this.#clock.now()));
    return new HandleDescription({ id: handleId, ...fields });
  }

  async invalidate(
    handle: HandleReference,
    requestingPrincipal?: string,
    options?: CallOptions,
  ): Promise<void> {
    if (options !== undefined) {
      const invalidate = () => this.invalidate(handle, requestingPrincipal);
      return runLimited("writes", readCallOptions(options), invalidate);
    }
    const handleId =
      requestingPrincipal === undefined
        ? handleIdOf(handle)
        : checkHandleAnd(requestingPrincipal, handle);
    if (this.#state !== "ready") await this.#open();
    if (!isHandleId(handleId)) return;
    const lookupId = lookupIdOf(handleId);
    // The record may be another tenant's, which only reading it shows.
    const mustRead = requestingPrincipal !== undefined || this.#records.tenant !== undefined;
    if (mustRead)
      await this.#mutex.run(lookupId, () => this.#remove(lookupId, requestingPrincipal));
    else await this.#records.delete(lookupId);
  }

  async grant(
    handle: HandleReference,
    principal: string,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = checkHandleAnd(principal, handle, "principal");
    return this.#change(handleId, options, ({ grantedPrincipals }) => {
      if (grantedPrincipals.includes(principal)) return {};
      if (grantedPrincipals.length >= MAX_GRANTS) {
        throw rangeFault("handle", "maxGrants", MAX_GRANTS);
      }
      return { grantedPrincipals: [...grantedPrincipals, principal] };
    });
  }

  async revoke(
    handle: HandleReference,
    principal: string,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = checkHandleAnd(principal, handle, "principal");
    return this.#change(handleId, options, ({ grantedPrincipals }) => ({
      grantedPrincipals: grantedPrincipals.filter((granted) => granted !== principal),
    }));
  }

  async renew(
    handle: HandleReference,
    ttlSeconds: number,
    options: ChangeOptions,
  ): Promise<OpaqueHandle> {
    const handleId = handleIdOf(handle);
    checkTtlSeconds(ttlSeconds, "ttlSeconds");
    const lifetimeMs = toMs(ttlSeconds);
    return this.#change(handleId, options, (_, nowMs) => ({
      expiresAtMs: nowMs + lifetimeMs,
      purgeAfterMs: lifetimeMs + GRACE_MS,
    }));
  }

  async sealMany(
    requests: readonly SealRequest[],
    options: CallOptions = {},
  ): Promise<Outcome<OpaqueHandle>[]> {
    return runLimited("writes", readCallOptions(options), () =>
      mapSettled(requests, async (request) => {
        checkRequest(request);
        const { data, ...terms } = request;
        return this.seal(data, terms);
      }),
    );
  }

  unsealMany<Output>(
    requests: readonly UnsealRequest[],
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Outcome<Output>[]>;
  unsealMany<T = unknown>(
    requests: readonly UnsealRequest[],
    options?: UnsealOptions,
  ): Promise<Outcome<T>[]>;
  async unsealMany<T>(
    requests: readonly UnsealRequest[],
    options: UnsealOptions = {},
  ): Promise<Outcome<T>[]> {
    const checked = readUnsealOptions(options);
    const open = () =>
      mapSettled(requests, async (request) => {
        checkRequest(request);
        return this.unseal<T>(handleIdOf(request.id, "id"), request.requestingPrincipal);
      });
    return checkedOutcomes(await runLimited("writes", checked.limits, open), checked);
  }

  /**
   * Removes records whose handles expired more than a minute ago. Returns the number of removed records.
   *
   * This only frees space: expired handles are refused whether or not their records were purged.
   */
  async purgeExpired(): Promise<number> {
    if (this.#state !== "ready") await this.#open();
    let purged = 0;
    for (;;) {
      await this.#nextSlice();
      const batch = await this.#records.purgeExpired(PURGE_BATCH);
      purged += batch;
      if (!(batch >= PURGE_BATCH)) return purged;
    }
  }

  /**
   * Wraps the data keys of all records under the current key, without opening a payload.
   *
   * It first waits for the writes of this process that began before it with the same key provider: they may store
   * records under an earlier key.
   *
   * @returns The number of records, the keys still in use, and where to continue if `limit` was reached.
   * @throws TypeError The vault's encryptor cannot rewrap (Fernet and plaintext cannot).
   *
   * @example
   * Retire a key once nothing uses it; docs/keys.md has the steps for several processes.
   * ```ts
   * ring.promote("2026-12");
   * ring.remove("2026-11", await vault.rewrap());
   * ```
   */
  async rewrap(options: RewrapOptions = {}): Promise<RewrapReport> {
    if (this.#state !== "ready") await this.#open();
    const nextSlice = () => this.#nextSlice();
    return rewrapRecords(
      { records: this.#records, encryptor: this.#encryptor, nextSlice },
      options,
    );
  }

  /**
   * Accepts the state of a record in the cache, although this process has seen a later one. All changes
   * since that state are undone: counted uses are available again, revoked grants are restored, and the
   * earlier expiry applies.
   *
   * Call it only if the cache is known to have lost writes, as a server with `appendfsync everysec` does in
   * a crash. Never call it because of a `RecordIntegrityError` alone: an attacker who can write to the cache
   * can cause that error. It applies to this process only. Handles that this process invalidated stay
   * invalidated.
   *
   * @returns The handle according to the accepted record.
   * @throws {@link HandleNotFoundError} {@link HandleEvictedError} There is no record, or it was evicted.
   * @throws RecordIntegrityError The record is not genuine.
   */
  async acceptRollback(handle: HandleReference): Promise<HandleDescription> {
    const handleId = handleIdOf(handle);
    if (this.#state !== "ready") await this.#open();
    if (!isHandleId(handleId)) throw new HandleNotFoundError();
    const lookupId = lookupIdOf(handleId);
    return this.#mutex.run(lookupId, async () => {
      const { fields, plaintext } = assertFound(await this.#records.acceptEarlier(lookupId));
      plaintext.fill(0);
      return new HandleDescription({ id: handleId, ...fields });
    });
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#closing ??= this.#records.close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes codec and cache ready before the first operation. After a failure the next operation retries. */
  async #open(): Promise<void> {
    if (this.#state === "closed") throw new VaultClosedError();
    this.#opening ??= this.#makeReady().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #makeReady(): Promise<void> {
    await this.#codec.ready();
    const { durability, evicts } = await this.#records.ready();
    const isVolatile = durability === "none" || evicts;
    if (isLasting(this.#cache) && isVolatile && !this.#acceptVolatile) {
      throw new CacheUnsafeError("volatile-cache");
    }
    if (this.#state === "closed") throw new VaultClosedError();
    this.#state = "ready";
  }

  /** Lets the event loop turn during long work. Throws once the vault is closed, which ends the work. */
  async #nextSlice(): Promise<void> {
    await timeSlices.next();
    if (this.#state === "closed") throw new VaultClosedError();
  }

  #find(handleId: string): OpenRecord | Promise<OpenRecord> {
    if (!isHandleId(handleId)) throw new HandleNotFoundError();
    const reading = this.#records.read(lookupIdOf(handleId));
    return isPromise(reading) ? reading.then(assertFound) : assertFound(reading);
  }

  /** Returns a payload only after its use was counted, and counts a use only for a payload that was read. */
  async #unsealFresh(handleId: string, principal: string): Promise<unknown> {
    return this.#retryOnConflictOf(handleId, async (record) => {
      const { fields } = record;
      assertAllowed(mayUnseal(fields, principal, this.#clock.now()));
      await timeSlices.next();
      const value = await this.#records.payloadOf(record);
      this.#assertNotExpired(record);
      if (fields.usesLeft === undefined) return { value };
      const usesLeft = fields.usesLeft - 1;
      const counted = { ...fields, revision: nextRevision(fields), usesLeft };
      const outcome =
        usesLeft === 0
          ? await this.#records.spend(record, counted)
          : await this.#records.rewrite(record, counted);
      return outcome === "replaced" ? { value } : "conflict";
    });
  }

  /** Throws if the handle has expired: this can happen while its body is being read. */
  #assertNotExpired({ fields }: OpenRecord): void {
    if (isExpired(fields, this.#clock.now())) throw new HandleExpiredError();
  }

  async #remove(lookupId: string, principal: string | undefined): Promise<void> {
    return retryOnConflict(async () => {
      // A rolled-back state must be deleted, too, and it has the same owner.
      const record = await this.#records.readAnyState(lookupId);
      if (record === undefined || record === "evicted") return { value: undefined };
      record.plaintext.fill(0);
      const isAllowed = principal === undefined || principal === record.fields.ownerPrincipal;
      if (!isAllowed) throw new HandleAccessDeniedError();
      const outcome = await this.#records.remove(record);
      return outcome === "conflict" ? "conflict" : { value: undefined };
    });
  }

  /** Rewrites fields of a record on behalf of the owner. */
  async #change(
    handleId: string,
    options: ChangeOptions,
    update: (fields: RecordFields, nowMs: number) => Change,
  ): Promise<OpaqueHandle> {
    const by = checkBy(options);
    const limits = limitsIn(options);
    if (limits !== undefined) {
      const changing = () => this.#change(handleId, { by }, update);
      return runLimited("writes", limits, changing);
    }
    if (this.#state !== "ready") await this.#open();
    if (!isHandleId(handleId)) throw new HandleNotFoundError();
    const change = async (record: OpenRecord): Promise<Attempt<OpaqueHandle>> => {
      const nowMs = this.#clock.now();
      assertAllowed(mayChange(record.fields, by, nowMs));
      const { purgeAfterMs, ...changed } = update(record.fields, nowMs);
      const fields = { ...record.fields, ...changed, revision: nextRevision(record.fields) };
      const outcome = await this.#records.rewrite(record, fields, purgeAfterMs);
      return outcome === "replaced" ? { value: toHandle(handleId, fields) } : "conflict";
    };
    return this.#mutex.run(lookupIdOf(handleId), () => this.#retryOnConflictOf(handleId, change));
  }

  /** Repeats an attempt, each time on a new read of the record, whose plaintext is wiped afterwards. */
  async #retryOnConflictOf<T>(
    handleId: string,
    attempt: (record: OpenRecord) => Promise<Attempt<T>>,
  ): Promise<T> {
    return retryOnConflict(async () => {
      const record = await this.#find(handleId);
      try {
        return await attempt(record);
      } catch (error) {
        if (error instanceof RecordMoved) return "conflict";
        throw error;
      } finally {
        record.plaintext.fill(0);
      }
    });
  }
}

/** The result of a change: the changed fields of the record, and its new purge time if that changes. */
type Change = Partial<Pick<RecordFields, "grantedPrincipals" | "expiresAtMs">> & {
  readonly purgeAfterMs?: number;
};

function toMs(seconds: number): number {
  return Math.ceil(seconds * 1000);
}

function toHandle(id: string, fields: RecordFields): OpaqueHandle {
  return new OpaqueHandle({
    id,
    safeView: fields.safeView,
    ownerPrincipal: fields.ownerPrincipal,
    grantedPrincipals: fields.grantedPrincipals,
    createdAtMs: fields.createdAtMs,
    expiresAtMs: fields.expiresAtMs,
  });
}

function assertFound(found: OpenRecord | "evicted" | undefined): OpenRecord {
  if (found === undefined) throw new HandleNotFoundError();
  if (found === "evicted") throw new HandleEvictedError();
  return found;
}

function assertAllowed(verdict: Verdict): void {
  switch (verdict) {
    case "allowed":
      return;
    case "expired":
      throw new HandleExpiredError();
    case "denied":
      throw new HandleAccessDeniedError();
    case "exhausted":
      throw new HandleExhaustedError();
  }
}

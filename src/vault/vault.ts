/**
 * The interface that every vault has, in this process or behind a wire.
 *
 * @module
 */
import type { HandleDescription, HandleReference, OpaqueHandle } from "./handle.js";
import type { LeakGuardSetting, Summarizer } from "./safe-view.js";

/** Who may open a payload, for how long, how often, and what everybody may see. */
export interface SealOptions {
  /** The principal that may do everything with the handle: 1 to 1,024 characters. */
  readonly ownerPrincipal: string;
  /**
   * What everyone may know of the payload, models and logs included; at most 4 KiB of UTF-8. It or a
   * `summarizer` must be given.
   */
  readonly safeView?: string | undefined;
  /** Writes the safe view; then `safeView` does not count. */
  readonly summarizer?: Summarizer | undefined;
  /**
   * What the safe view may show of the payload, in addition to what the vault allows in general.
   * Default: no value of four characters or more. `"off"` seals without looking.
   */
  readonly leakGuard?: LeakGuardSetting | undefined;
  /** Lifetime in seconds. Default 300; 0 seals a handle that has expired already. */
  readonly ttlSeconds?: number | undefined;
  /** Principals that may unseal besides the owner; at most 256. Default: none. */
  readonly grantedPrincipals?: readonly string[] | undefined;
  /** How many times the payload is handed out; no limit when absent. */
  readonly maxUses?: number | undefined;
}

/** One item of {@link Vault.sealMany}. */
export interface SealRequest extends SealOptions {
  /** The payload. */
  readonly data: unknown;
}

/** One item of {@link Vault.unsealMany}. */
export interface UnsealRequest {
  /** The handle, or its id. */
  readonly id: HandleReference;
  readonly requestingPrincipal: string;
}

/** Who asks for a change: it must be the owner. */
export interface ChangeOptions {
  readonly by: string;
}

/** What became of one item of many. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/**
 * Seals payloads behind opaque handles and opens them for the principals their owners named.
 *
 * Every method takes a handle or its id. A text that is no id is the id of no handle; anything else
 * that is neither is a `TypeError`.
 */
export interface Vault extends AsyncDisposable {
  /**
   * Seals a payload and returns the handle that stands for it.
   *
   * @param data - Bytes (`Uint8Array`), text, or data that the vault's serializer carries: by default
   *   JSON data. It must not be changed before the promise has settled.
   * @throws TypeError The payload cannot be carried exactly, or an option has the wrong type.
   * @throws RangeError An option is out of its bounds.
   * @throws SafeViewLeakError The safe view repeats a value of the payload.
   * @throws PayloadTooLargeError The payload is larger than the codec allows.
   * @throws CacheFullError There is no room; nothing was lost.
   *
   * @example
   * ```ts
   * const handle = await vault.seal(record, {
   *   ownerPrincipal: "spiffe://example.org/records",
   *   grantedPrincipals: ["spiffe://example.org/gateway"],
   *   safeView: "patient record, 14 fields",
   * });
   * ```
   */
  seal(data: unknown, options: SealOptions): Promise<OpaqueHandle>;

  /**
   * Returns the payload behind a handle to its owner or a granted principal.
   *
   * @returns A fresh copy of the payload, as it was sealed.
   * @throws TypeError `handle` is neither a handle nor a text.
   * @throws HandleNotFoundError The handle never existed, was invalidated, or is malformed.
   * @throws HandleEvictedError A bounded cache dropped the record.
   * @throws HandleExpiredError Its lifetime has passed.
   * @throws HandleAccessDeniedError The principal is neither the owner nor granted.
   * @throws HandleExhaustedError `maxUses` payloads have been handed out.
   * @throws RecordIntegrityError What the cache holds is not what was sealed.
   * @throws OutcomeUnknownError A use may or may not have been counted; no payload is given.
   *
   * @example
   * ```ts
   * const record = await vault.unseal(handle.id, "spiffe://example.org/gateway");
   * ```
   */
  unseal<T = unknown>(handle: HandleReference, requestingPrincipal: string): Promise<T>;

  /**
   * Returns a handle's safe view, to every caller.
   *
   * @throws HandleNotFoundError `HandleEvictedError` `HandleExpiredError`
   */
  getSafeView(handle: HandleReference): Promise<string>;

  /**
   * Returns owner, grants, times and uses left to the owner and to grantees.
   *
   * @throws HandleNotFoundError `HandleEvictedError` `HandleExpiredError`
   * @throws HandleAccessDeniedError The principal is neither.
   */
  describe(handle: HandleReference, requestingPrincipal: string): Promise<HandleDescription>;

  /**
   * Deletes a handle's record; an unknown handle is no error.
   *
   * Without a principal it deletes for every caller that has the handle: pass one where the call is made
   * on behalf of others. Behind a wire the principal is always that of the credential.
   *
   * @param requestingPrincipal - If given, it must be the owner.
   * @throws HandleAccessDeniedError It is not.
   */
  invalidate(handle: HandleReference, requestingPrincipal?: string): Promise<void>;

  /**
   * Lets one more principal unseal; the owner alone may.
   *
   * @returns The handle as it is now.
   * @throws RangeError The handle has 256 grants already.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  grant(handle: HandleReference, principal: string, options: ChangeOptions): Promise<OpaqueHandle>;

  /**
   * Takes a grant back; the owner alone may, and remains the owner whatever is revoked.
   *
   * @returns The handle as it is now.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  revoke(handle: HandleReference, principal: string, options: ChangeOptions): Promise<OpaqueHandle>;

  /**
   * Lets a handle live for `ttlSeconds` from now on; the owner alone may.
   *
   * @returns The handle as it is now.
   * @throws HandleExpiredError It has expired; nothing revives it.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  renew(handle: HandleReference, ttlSeconds: number, options: ChangeOptions): Promise<OpaqueHandle>;

  /** Seals many payloads: one outcome for each, in their order. */
  sealMany(requests: readonly SealRequest[]): Promise<Outcome<OpaqueHandle>[]>;

  /** Unseals many handles: one outcome for each, in their order. */
  unsealMany<T = unknown>(requests: readonly UnsealRequest[]): Promise<Outcome<T>[]>;

  /** Releases what the vault holds; every later call fails with `VaultClosedError`. */
  close(): Promise<void>;
}

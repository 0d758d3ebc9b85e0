/**
 * The interface of every vault, in this process or behind a service.
 *
 * @module
 */

import type { HandleDescription, HandleReference, OpaqueHandle } from "./handle.js";
import type { LeakGuardSetting, Summarizer } from "./safe-view.js";
import type { StandardSchema } from "./standard-schema.js";

/** How long a call may take, and what ends it before. */
export interface CallOptions {
  /**
   * Ends the call. It then rejects with the signal's reason, or with `OutcomeUnknownError` if the call may have
   * changed something: sealed a payload, or counted a use.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the call may take, in milliseconds. After that it rejects as by a signal, with a `TimeoutError`.
   * Default: the limits of the cache, the key service and the client.
   */
  readonly timeoutMs?: number | undefined;
}

/** Options of `unseal` and `unsealMany`. */
export interface UnsealOptions extends CallOptions {
  /**
   * The schema of the payload: of zod, valibot, arktype or any other library of Standard Schema. Its output is
   * returned, and the type follows from it.
   *
   * It runs in this process after the payload was opened, so a payload that it refuses has spent a use. It is
   * code of the caller that sees the payload. It has as much time again as the call, by default 5 seconds.
   */
  readonly schema?: StandardSchema | undefined;
}

/** Who may open a payload, for how long and how often. */
export interface SealTerms {
  /** The principal that may perform every operation on the handle: 1 to 1,024 characters. */
  readonly ownerPrincipal: string;
  /**
   * The values that the safe view may show, in addition to those that the vault always allows. Default:
   * no value of four characters or more. `"off"` disables the check for this seal.
   */
  readonly leakGuard?: LeakGuardSetting | undefined;
  /** Lifetime in seconds. Default 300. With 0 the handle is expired from the start. */
  readonly ttlSeconds?: number | undefined;
  /** Principals that may unseal besides the owner; at most 256. Default: none. */
  readonly grantedPrincipals?: readonly string[] | undefined;
  /** How many times the payload may be unsealed; no limit when absent. */
  readonly maxUses?: number | undefined;
}

/** The public description of a payload: exactly one of `safeView` and `summarizer`. */
export type SafeViewChoice =
  | {
      /** The description, which models and logs may contain; at most 4 KiB of UTF-8. */
      readonly safeView: string;
      readonly summarizer?: undefined;
    }
  | {
      /** Writes the description. */
      readonly summarizer: Summarizer;
      readonly safeView?: undefined;
    };

/** Options of {@link Vault.seal}: terms, public description, and the limits of the call. */
export type SealOptions = SealTerms & SafeViewChoice & CallOptions;

/** One item of {@link Vault.sealMany}. */
export type SealRequest = SealTerms &
  SafeViewChoice & {
    /** The payload. */
    readonly data: unknown;
  };

/** One item of {@link Vault.unsealMany}. */
export interface UnsealRequest {
  /** The handle, or its id. */
  readonly id: HandleReference;
  readonly requestingPrincipal: string;
}

/** Options of a change. */
export interface ChangeOptions extends CallOptions {
  /** The principal that requests the change; it must be the owner. */
  readonly by: string;
}

/** The outcome of one item of `sealMany` or `unsealMany`. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: Error };

/**
 * Seals payloads behind opaque handles, and opens them for their owners and the principals that these
 * granted access.
 *
 * Every method accepts a handle or its id. A string that is not an id has the same effect as the id of an
 * unknown handle. Any other value is a `TypeError`.
 */
export interface Vault extends AsyncDisposable {
  /**
   * Seals a payload and returns its handle.
   *
   * @param data - Bytes (`Uint8Array`), text, or data that the vault's serializer carries: by default
   *   JSON data. It must not be changed before the promise has settled.
   * @throws TypeError The payload cannot be restored exactly, or an option has the wrong type.
   * @throws RangeError An option is out of its bounds.
   * @throws SafeViewLeakError The safe view repeats a value of the payload.
   * @throws PayloadTooLargeError The payload is larger than the codec allows.
   * @throws CacheFullError The cache has no free space; nothing was lost.
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
   * @returns A new copy of the sealed payload.
   * @throws TypeError `handle` is neither a handle nor a text.
   * @throws HandleNotFoundError The handle never existed, was invalidated, or is malformed.
   * @throws HandleEvictedError A bounded cache dropped the record.
   * @throws HandleExpiredError Its lifetime has passed.
   * @throws HandleAccessDeniedError The principal is neither the owner nor granted.
   * @throws HandleExhaustedError The payload has been unsealed `maxUses` times.
   * @throws RecordIntegrityError The record in the cache is not the one that was sealed.
   * @throws OutcomeUnknownError A use may or may not have been counted; no payload is returned.
   * @throws PayloadValidationError The payload does not match `options.schema`; its use is counted.
   *
   * @example
   * ```ts
   * const record = await vault.unseal(handle, "spiffe://example.org/gateway");
   * const user = await vault.unseal(handle, "hr", { schema: z.object({ name: z.string() }) });
   * user.name; // string
   * ```
   */
  unseal<Output>(
    handle: HandleReference,
    requestingPrincipal: string,
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Output>;
  /**
   * Returns the payload behind a handle. Without a schema nothing checks its type: `T` is a cast.
   */
  unseal<T = unknown>(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: UnsealOptions,
  ): Promise<T>;

  /**
   * Returns a handle's safe view, to every caller.
   *
   * @throws HandleNotFoundError `HandleEvictedError` `HandleExpiredError`
   */
  getSafeView(handle: HandleReference, options?: CallOptions): Promise<string>;

  /**
   * Returns owner, grants, times and uses left to the owner and to grantees.
   *
   * @throws HandleNotFoundError `HandleEvictedError` `HandleExpiredError`
   * @throws HandleAccessDeniedError The principal is neither the owner nor granted.
   */
  describe(
    handle: HandleReference,
    requestingPrincipal: string,
    options?: CallOptions,
  ): Promise<HandleDescription>;

  /**
   * Deletes a handle's record. An unknown handle is not an error.
   *
   * Without a principal there is no access check: pass one if the call is made on behalf of others. A
   * service always uses the principal of the credential. A vault with a tenant deletes only records of its tenant.
   *
   * @param requestingPrincipal - Must be the owner, if given.
   * @throws HandleAccessDeniedError The principal is not the owner.
   * @throws RecordIntegrityError The record is damaged, or of another tenant.
   */
  invalidate(
    handle: HandleReference,
    requestingPrincipal?: string,
    options?: CallOptions,
  ): Promise<void>;

  /**
   * Grants one more principal the right to unseal. Only the owner may do this.
   *
   * @returns The changed handle.
   * @throws RangeError The handle has 256 grants already.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  grant(handle: HandleReference, principal: string, options: ChangeOptions): Promise<OpaqueHandle>;

  /**
   * Revokes a grant. Only the owner may do this; the owner's own access cannot be revoked.
   *
   * @returns The changed handle.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  revoke(handle: HandleReference, principal: string, options: ChangeOptions): Promise<OpaqueHandle>;

  /**
   * Sets the lifetime of a handle to `ttlSeconds` from now. Only the owner may do this.
   *
   * @returns The changed handle.
   * @throws HandleExpiredError The handle has expired and cannot be renewed.
   * @throws HandleAccessDeniedError `by` is not the owner.
   */
  renew(handle: HandleReference, ttlSeconds: number, options: ChangeOptions): Promise<OpaqueHandle>;

  /** Seals many payloads. Returns one outcome per request, in the same order. */
  sealMany(
    requests: readonly SealRequest[],
    options?: CallOptions,
  ): Promise<Outcome<OpaqueHandle>[]>;

  /**
   * Unseals many handles. Returns one outcome per request, in the same order. A schema checks each payload.
   */
  unsealMany<Output>(
    requests: readonly UnsealRequest[],
    options: UnsealOptions & { readonly schema: StandardSchema<Output> },
  ): Promise<Outcome<Output>[]>;
  /** Unseals many handles. Without a schema nothing checks the types of payloads: `T` is a cast. */
  unsealMany<T = unknown>(
    requests: readonly UnsealRequest[],
    options?: UnsealOptions,
  ): Promise<Outcome<T>[]>;

  /** Releases the resources of the vault. Every later call fails with `VaultClosedError`. */
  close(): Promise<void>;
}

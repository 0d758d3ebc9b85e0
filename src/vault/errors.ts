/**
 * The errors of a vault: one class for each condition that a caller can act on.
 *
 * A mistake in the calling program (a wrong type, a value out of range) is a `TypeError` or a `RangeError`
 * instead, thrown before any work is done. Messages are fixed texts: they never contain a payload, a
 * principal, a handle id, a key or a path.
 *
 * @module
 */

const BRAND = Symbol.for("handlevault.error");

/** The base class of every error in this module. */
export abstract class VaultError extends Error {
  /** Stable identifier of the condition; never changes within a major version. */
  abstract readonly code: VaultErrorCode;
  /** The HTTP status of the response, if a service over HTTP or XML-RPC responded with this error. */
  declare readonly status?: number;
  /** The id of the service's response, which its operator can search for; absent in process. */
  declare readonly requestId?: string;

  static {
    // Marks errors of this library across copies of it and across realms.
    Object.defineProperty(VaultError.prototype, BRAND, { value: true });
  }
}

/** The handle never existed, was invalidated, was purged after its expiry, or is malformed. */
export class HandleNotFoundError extends VaultError {
  override readonly name = "HandleNotFoundError" as const;
  readonly code = "ERR_VAULT_HANDLE_NOT_FOUND" as const;
  constructor() {
    super("No such handle: it never existed, was invalidated, or has been purged.");
  }
}

/** The handle has expired and cannot be revived. Seal the data again. */
export class HandleExpiredError extends VaultError {
  override readonly name = "HandleExpiredError" as const;
  readonly code = "ERR_VAULT_HANDLE_EXPIRED" as const;
  constructor() {
    super("The handle has expired: ask its owner to seal the data again.");
  }
}

/** The principal is neither the owner nor granted, or only the owner may perform the operation. */
export class HandleAccessDeniedError extends VaultError {
  override readonly name = "HandleAccessDeniedError" as const;
  readonly code = "ERR_VAULT_HANDLE_ACCESS_DENIED" as const;
  constructor() {
    super("The principal may not do this with the handle: ask its owner for a grant.");
  }
}

/** The payload has been unsealed `maxUses` times. */
export class HandleExhaustedError extends VaultError {
  override readonly name = "HandleExhaustedError" as const;
  readonly code = "ERR_VAULT_HANDLE_EXHAUSTED" as const;
  constructor() {
    super("The handle has no uses left: its payload has been handed out as often as allowed.");
  }
}

/** A bounded cache evicted the record to free space for others. */
export class HandleEvictedError extends VaultError {
  override readonly name = "HandleEvictedError" as const;
  readonly code = "ERR_VAULT_HANDLE_EVICTED" as const;
  constructor() {
    super("The cache evicted the handle's record to make room: seal again, or use a larger cache.");
  }
}

/** The reason for which a genuine record is refused. */
export type IntegrityReason = "rolled-back";

/** A stored record, or an encoded payload, differs from the one that was written last under this id and key. */
export class RecordIntegrityError extends VaultError {
  override readonly name = "RecordIntegrityError" as const;
  readonly code = "ERR_VAULT_RECORD_INTEGRITY" as const;
  /**
   * `"rolled-back"` if the record is genuine, but this process has seen a later state of it: the cache lost
   * writes or was tampered with. Absent for all other causes, and if a service refused the record.
   */
  readonly reason: IntegrityReason | undefined;
  constructor(reason?: IntegrityReason) {
    super(
      reason === "rolled-back"
        ? "The record is older than one that this process has seen: the cache lost writes or was " +
            "tampered with. Invalidate the handle and seal again."
        : "The record is damaged, was altered, or belongs to another handle.",
    );
    this.reason = reason;
  }
}

/** The record has a format version, flag, serializer or compressor that this vault does not support. */
export class RecordUnsupportedError extends VaultError {
  override readonly name = "RecordUnsupportedError" as const;
  readonly code = "ERR_VAULT_RECORD_UNSUPPORTED" as const;
  constructor() {
    super("The record's format, serializer or compressor is not one this vault is set up to read.");
  }
}

/** The key ring does not contain the encryption key that the record names. */
export class KeyNotFoundError extends VaultError {
  override readonly name = "KeyNotFoundError" as const;
  readonly code = "ERR_VAULT_KEY_NOT_FOUND" as const;
  constructor() {
    super("The key that the record was encrypted under is not in the key ring.");
  }
}

/** A key provider failed, returned an invalid result, or did not respond in time. */
export class KeyServiceUnavailableError extends VaultError {
  override readonly name = "KeyServiceUnavailableError" as const;
  readonly code = "ERR_VAULT_KEY_SERVICE_UNAVAILABLE" as const;
  readonly #providerError: unknown;
  constructor(options?: { readonly providerError?: unknown }) {
    super("The key service is unavailable and the operation changed nothing: try again later.");
    this.#providerError = options?.providerError;
  }

  /**
   * The provider's own error; `undefined` if it did not respond in time. It is not the `cause`, which loggers
   * print, because its text may name accounts and keys.
   */
  get providerError(): unknown {
    return this.#providerError;
  }
}

/** A bounded cache has no free space; nothing was lost. */
export class CacheFullError extends VaultError {
  override readonly name = "CacheFullError" as const;
  readonly code = "ERR_VAULT_CACHE_FULL" as const;
  constructor() {
    super("The cache is full: raise its bounds, shorten lifetimes, or invalidate handles.");
  }
}

/** The cache could not be reached or read. The operation changed nothing. */
export class CacheUnavailableError extends VaultError {
  override readonly name = "CacheUnavailableError" as const;
  readonly code = "ERR_VAULT_CACHE_UNAVAILABLE" as const;
  constructor(options?: ErrorOptions) {
    super("The cache is unavailable and the operation changed nothing: try again later.", options);
  }
}

/** The reason for which a combination of vault and cache is refused. */
export type UnsafeReason =
  | "ephemeral-keys"
  | "volatile-cache"
  | "outdated-sqlite"
  | "several-pid-namespaces";

const UNSAFE: Record<UnsafeReason, string> = {
  "ephemeral-keys":
    "The cache outlives the process or is shared, but the encryption keys do not outlive it: " +
    "give the vault a durable KeyRing (KeyRing.fromEnv, fromFile, from or fromPassphrase).",
  "volatile-cache":
    "The cache may drop or lose records that it acknowledged: " +
    "make it durable and non-evicting, or accept that with acceptVolatile: true.",
  "outdated-sqlite":
    "This SQLite can damage a file that several processes write (the WAL-reset bug): " +
    "use SQLite 3.51.3 or later, which better-sqlite3 12.8 brings.",
  "several-pid-namespaces":
    "Another PID namespace (another container) has the LMDB file open, and both would damage it: " +
    "share one PID namespace, give each container its own file, or use SQLite, Redis or Valkey.",
};

/** The cache, in its configuration, cannot keep the promises of the vault. */
export class CacheUnsafeError extends VaultError {
  override readonly name = "CacheUnsafeError" as const;
  readonly code = "ERR_VAULT_CACHE_UNSAFE" as const;
  readonly reason: UnsafeReason;
  constructor(reason: UnsafeReason) {
    super(UNSAFE[reason]);
    this.reason = reason;
  }
}

/** A write was sent, but there is no response: it may or may not have taken effect. */
export class OutcomeUnknownError extends VaultError {
  override readonly name = "OutcomeUnknownError" as const;
  readonly code = "ERR_VAULT_OUTCOME_UNKNOWN" as const;
  constructor(options?: ErrorOptions) {
    super("Nothing confirmed the write: it may or may not have taken effect.", options);
  }
}

/** A payload is larger than the codec's `maxPayloadBytes`. */
export class PayloadTooLargeError extends VaultError {
  override readonly name = "PayloadTooLargeError" as const;
  readonly code = "ERR_VAULT_PAYLOAD_TOO_LARGE" as const;
  constructor() {
    super("The payload is larger than the codec's maxPayloadBytes.");
  }
}

/** A safe view repeats a value of its payload. Nothing was sealed. */
export class SafeViewLeakError extends VaultError {
  override readonly name = "SafeViewLeakError" as const;
  readonly code = "ERR_VAULT_SAFE_VIEW_LEAK" as const;
  /**
   * The place of the value in the payload, as a JSON pointer in which `*` replaces names that may be data.
   * Absent if a service refused the safe view.
   */
  readonly path: string | undefined;
  constructor(path?: string) {
    super(
      "The safe view repeats a value of the payload: leave it out, or allow its path by leakGuard.",
    );
    this.path = path;
  }
}

/** Options of the errors about optional peers. */
export interface PeerErrorOptions extends ErrorOptions {
  /** `"service"` if the package is missing or broken on the service's machine, not on this one. */
  readonly place?: "service" | undefined;
}

function packageCalled(peer: string): string {
  return peer === "unknown" ? "an optional package" : `the optional package ${peer}`;
}

/** An optional peer dependency is not installed. */
export class PeerMissingError extends VaultError {
  override readonly name = "PeerMissingError" as const;
  readonly code = "ERR_VAULT_PEER_MISSING" as const;
  /** Name of the npm package; `"unknown"` if a service names none of this library's peers. */
  readonly peer: string;
  constructor(peer: string, options?: PeerErrorOptions) {
    super(
      options?.place === "service"
        ? `The service's machine lacks ${packageCalled(peer)}: its operator has to install it there.`
        : `The optional package ${peer} is not installed: run "npm install ${peer}".`,
      options,
    );
    this.peer = peer;
  }
}

/** The versions of an optional package whose installed version does not work. */
export interface PeerVersionProblem {
  /** The installed version, if it can be read. */
  readonly found: string | undefined;
  /** The oldest version that works. */
  readonly oldest: string;
  /** The newest major version that was tested. */
  readonly newest: string;
}

/** An optional peer dependency is installed but does not load, or is of a version that does not work. */
export class PeerBrokenError extends VaultError {
  override readonly name = "PeerBrokenError" as const;
  readonly code = "ERR_VAULT_PEER_BROKEN" as const;
  /** Name of the npm package; `"unknown"` if a service names none of this library's peers. */
  readonly peer: string;
  constructor(
    peer: string,
    { versions, ...options }: PeerErrorOptions & { readonly versions?: PeerVersionProblem } = {},
  ) {
    super(
      options.place === "service"
        ? `The service's machine cannot load ${packageCalled(peer)}: its operator has to mend it there.`
        : `The optional package ${peer} is installed ${
            versions === undefined ? loadProblem(peer) : versionProblem(peer, versions)
          }`,
      options,
    );
    this.peer = peer;
  }
}

function loadProblem(peer: string): string {
  return (
    `but does not load: run "npm rebuild ${peer}", ` +
    `or remove it and run "npm install ${peer}" again.`
  );
}

function versionProblem(peer: string, { found, oldest, newest }: PeerVersionProblem): string {
  const version = found === undefined ? "a version" : `version ${found},`;
  return (
    `in ${version} which does not work: run "npm install ${peer}@${newest}". ` +
    `Versions ${oldest} to ${newest}.x were tested.`
  );
}

/** The vault was closed. */
export class VaultClosedError extends VaultError {
  override readonly name = "VaultClosedError" as const;
  readonly code = "ERR_VAULT_CLOSED" as const;
  constructor() {
    super("The vault is closed: make a new one.");
  }
}

/** The request to the service has no credential, or an invalid or expired one. */
export class UnauthenticatedError extends VaultError {
  override readonly name = "UnauthenticatedError" as const;
  readonly code = "ERR_VAULT_UNAUTHENTICATED" as const;
  constructor() {
    super("The request shows no valid credential: send one that has not expired.");
  }
}

/** The credential is not that of the principal in the request, and may not act for this principal. */
export class PrincipalForbiddenError extends VaultError {
  override readonly name = "PrincipalForbiddenError" as const;
  readonly code = "ERR_VAULT_PRINCIPAL_FORBIDDEN" as const;
  constructor() {
    super("The caller may not act as this principal, or not do this by way of the service.");
  }
}

/** Too many requests, or too many failed attempts to authenticate. */
export class RateLimitedError extends VaultError {
  override readonly name = "RateLimitedError" as const;
  readonly code = "ERR_VAULT_RATE_LIMITED" as const;
  /** The number of seconds to wait, if the service gives it. */
  readonly retryAfterSeconds: number | undefined;
  constructor(retryAfterSeconds?: number) {
    super("Too many requests: wait, and send fewer.");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Options of {@link ServiceUnavailableError}. */
export interface ServiceUnavailableOptions extends ErrorOptions {
  /** The reason for which the service refused the request unread: one of the library's fixed texts. */
  readonly refusal?: string | undefined;
}

/** The service could not be reached, is overloaded or stopping, or sent an invalid response. */
export class ServiceUnavailableError extends VaultError {
  override readonly name = "ServiceUnavailableError" as const;
  readonly code = "ERR_VAULT_SERVICE_UNAVAILABLE" as const;
  constructor(options?: ServiceUnavailableOptions) {
    super(
      options?.refusal === undefined
        ? "The vault's service is unavailable, or gave no answer to rely on: try later."
        : `The vault's service refused the request and did nothing. ${options.refusal}`,
      options,
    );
  }
}

/** The service cannot authenticate any caller now, because the source it needs (a key set) does not respond. */
export class AuthenticationUnavailableError extends VaultError {
  override readonly name = "AuthenticationUnavailableError" as const;
  readonly code = "ERR_VAULT_AUTHENTICATION_UNAVAILABLE" as const;
  constructor(options?: ErrorOptions) {
    super("The service cannot tell who is calling at the moment: try again later.", options);
  }
}

/** A request, or the result it asks for, is larger than the service's limit. */
export class RequestTooLargeError extends VaultError {
  override readonly name = "RequestTooLargeError" as const;
  readonly code = "ERR_VAULT_REQUEST_TOO_LARGE" as const;
  constructor() {
    super("The request is larger than the service carries at once: send less in one.");
  }
}

/** The request conflicts with another one. Nothing was changed. */
export class ConflictError extends VaultError {
  override readonly name = "ConflictError" as const;
  readonly code = "ERR_VAULT_CONFLICT" as const;
  constructor() {
    super("The request conflicts with another and changed nothing: try again.");
  }
}

/** The reason for a failed hydration: unresolved handles, an exceeded limit, or an incomplete text. */
export type HydrationReason =
  | "unresolved-handles"
  | "too-many-handles"
  | "output-too-large"
  | "incomplete-placeholder";

/** The reason for which one handle was not hydrated: the vault's error code, or a reason of hydration. */
export type UnresolvedReason =
  | VaultErrorCode
  | "malformed"
  | "no-placeholder"
  | "not-allowed"
  | "no-such-field"
  | "not-renderable"
  | "failed";

/** A text or value could not be hydrated. No part of it is returned. */
export class HydrationError extends VaultError {
  override readonly name = "HydrationError" as const;
  readonly code = "ERR_VAULT_HYDRATION" as const;
  readonly reason: HydrationReason;
  readonly #errors: ReadonlyMap<string, UnresolvedReason>;
  constructor(reason: HydrationReason, errors: ReadonlyMap<string, UnresolvedReason> = new Map()) {
    super("The text or value was not hydrated: reason says why, and errors which handles.");
    this.reason = reason;
    this.#errors = errors;
  }

  /** The reason for each reference that was not hydrated, by its original text. `inspect` hides it. */
  get errors(): ReadonlyMap<string, UnresolvedReason> {
    return this.#errors;
  }
}

/** The kind of rule that refused an output. */
export type OutputRule = "length" | "pattern" | "schema" | "custom";

/** A hydrated text violates an output rule and is withheld. */
export class OutputValidationError extends VaultError {
  override readonly name = "OutputValidationError" as const;
  readonly code = "ERR_VAULT_OUTPUT_VALIDATION" as const;
  readonly rule: OutputRule;
  constructor(rule: OutputRule) {
    super("The hydrated text breaks a rule for outputs and is withheld: rule says of which kind.");
    this.rule = rule;
  }
}

/** Why a payload did not pass its schema. */
export type ValidationReason = "refused" | "failed" | "timeout";

/** A payload was opened, but did not pass the caller's schema: it is withheld. If its uses are limited, one is spent. */
export class PayloadValidationError extends VaultError {
  override readonly name = "PayloadValidationError" as const;
  readonly code = "ERR_VAULT_PAYLOAD_VALIDATION" as const;
  /** `"refused"` by the schema, which otherwise `"failed"` with an error of its own or took too long. */
  readonly reason: ValidationReason;
  /** JSON pointers to what the schema refused; `*` stands for a member whose name may be a value. */
  readonly paths: readonly string[];
  constructor(reason: ValidationReason, paths: readonly string[] = []) {
    super(
      "The payload was opened and did not pass the schema: reason says why, and paths says where.",
    );
    this.reason = reason;
    this.paths = paths;
  }
}

/** The union of all errors of the library, for a `switch` over `code` or `name`. */
export type AnyVaultError =
  | HandleNotFoundError
  | HandleExpiredError
  | HandleAccessDeniedError
  | HandleExhaustedError
  | HandleEvictedError
  | RecordIntegrityError
  | RecordUnsupportedError
  | KeyNotFoundError
  | KeyServiceUnavailableError
  | CacheFullError
  | CacheUnavailableError
  | CacheUnsafeError
  | OutcomeUnknownError
  | PayloadTooLargeError
  | SafeViewLeakError
  | PeerMissingError
  | PeerBrokenError
  | VaultClosedError
  | UnauthenticatedError
  | PrincipalForbiddenError
  | RateLimitedError
  | ServiceUnavailableError
  | AuthenticationUnavailableError
  | RequestTooLargeError
  | ConflictError
  | HydrationError
  | OutputValidationError
  | PayloadValidationError;

/** The codes of {@link AnyVaultError}. */
export type VaultErrorCode = AnyVaultError["code"];

/** The class that carries a given code. */
export type VaultErrorOf<Code extends VaultErrorCode> = Extract<AnyVaultError, { code: Code }>;

/**
 * Returns whether `error` is an error of this library, and has the given code if there is one.
 *
 * Unlike `instanceof`, it recognises errors of other copies of the library.
 *
 * @example
 * ```ts
 * try {
 *   await vault.unseal(id, principal);
 * } catch (error) {
 *   if (!isVaultError(error, "ERR_VAULT_HANDLE_EXPIRED")) throw error;
 * }
 * ```
 */
export function isVaultError(error: unknown): error is AnyVaultError;
export function isVaultError<Code extends VaultErrorCode>(
  error: unknown,
  code: Code,
): error is VaultErrorOf<Code>;
export function isVaultError(error: unknown, code?: VaultErrorCode): boolean {
  if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
  return code === undefined || (error as { code?: unknown }).code === code;
}

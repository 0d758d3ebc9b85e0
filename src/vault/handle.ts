import { hash } from "node:crypto";
import { inspect } from "node:util";
import { randomHex } from "../primitives/random-pool.js";
import { typeFault } from "./argument-errors.js";

const PREFIX = "hdl_";
const ID_BYTES = 16;
const ID_CHARACTERS: number = PREFIX.length + 2 * ID_BYTES;

/** Returns a new handle id: `hdl_` and 32 lower-case hex digits from 128 random bits. */
export function newHandleId(): string {
  return PREFIX + randomHex(ID_BYTES);
}

/**
 * Returns whether `value` has the length and prefix of a handle id. The digits need no check: a lookup of
 * an id that was never generated finds no record.
 */
export function isHandleId(value: unknown): value is string {
  return typeof value === "string" && value.length === ID_CHARACTERS && value.startsWith(PREFIX);
}

/** A handle as every method accepts it: any object with the id of a handle, or the id itself. */
export type HandleReference = string | { readonly id: string };

/**
 * Returns the id of a handle reference, for your own implementations of `Vault`. A string is returned
 * unchanged, even if it is not the id of any handle.
 *
 * @param name - The name of the parameter in the error message.
 * @throws TypeError The reference is neither a string nor an object with the id of a handle.
 *
 * @example
 * ```ts
 * const unseal = (handle: HandleReference) => vault.unseal(handleIdOf(handle), "hr");
 * ```
 */
export function handleIdOf(reference: HandleReference, name = "handle"): string {
  if (typeof reference === "string") return reference;
  // Read the id once, so that the checked value is the one used. Handles of other copies are accepted.
  const id = typeof reference === "object" && reference !== null ? reference.id : undefined;
  if (isHandleId(id)) return id;
  throw typeFault(name, "handle");
}

/**
 * Returns the lookup id, which is the key of a handle's record in every cache: SHA-256 of the handle id, in
 * base64url. It is one-way, so someone who reads the cache does not learn handle ids.
 */
export function lookupIdOf(handleId: string): string {
  return hash("sha256", handleId, "base64url");
}

/** The fields of an {@link OpaqueHandle}. */
export interface HandleFields {
  readonly id: string;
  readonly safeView: string;
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly createdAtMs: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly expiresAtMs: number;
}

/** The JSON form of a handle, for other processes. Times are ISO 8601 in UTC. */
export interface WireHandle {
  readonly id: string;
  readonly safe_view: string;
  readonly owner_principal: string;
  readonly granted_principals: readonly string[];
  readonly created_at: string;
  readonly expires_at: string;
}

/**
 * A reference to a sealed payload: an id and a safe view, never the payload. Frozen.
 *
 * Pass `id` and `safeView` to models, agents and queues. `util.inspect` and `console.log` print neither the
 * id nor any principal. `JSON.stringify` writes the complete {@link WireHandle}.
 */
export class OpaqueHandle {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly id: string;
  /** The public description of the payload. */
  readonly safeView: string;
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
  readonly #createdAtMs: number;
  readonly #expiresAtMs: number;

  constructor(fields: HandleFields) {
    this.id = fields.id;
    this.safeView = fields.safeView;
    this.ownerPrincipal = fields.ownerPrincipal;
    this.grantedPrincipals = Object.freeze(fields.grantedPrincipals);
    this.#createdAtMs = fields.createdAtMs;
    this.#expiresAtMs = fields.expiresAtMs;
    // A subclass still has to set its own fields, and freezes the object afterwards.
    if (new.target === OpaqueHandle) Object.freeze(this);
  }

  /** A date of the caller's own: changing it changes nothing here. */
  get createdAt(): Date {
    return new Date(this.#createdAtMs);
  }

  /** A date of the caller's own: changing it changes nothing here. */
  get expiresAt(): Date {
    return new Date(this.#expiresAtMs);
  }

  /** Returns the JSON form of the handle. */
  toJSON(): WireHandle {
    return {
      id: this.id,
      safe_view: this.safeView,
      owner_principal: this.ownerPrincipal,
      granted_principals: this.grantedPrincipals.toSorted(),
      created_at: this.createdAt.toISOString(),
      expires_at: this.expiresAt.toISOString(),
    };
  }

  static {
    // An accidental log line must not contain the id: someone who reads it could use the handle.
    Object.defineProperty(OpaqueHandle.prototype, inspect.custom, {
      value(this: OpaqueHandle) {
        return `${this.constructor.name} { expiresAt: ${this.expiresAt.toISOString()} }`;
      },
    });
  }
}

/** The fields of a {@link HandleDescription}. */
export interface DescriptionFields extends HandleFields {
  readonly usesLeft: number | undefined;
}

/** A {@link WireHandle} with the remaining uses, `null` for no limit. */
export interface WireDescription extends WireHandle {
  readonly uses_left: number | null;
}

/** A handle with the details that only its owner and grantees may see. Frozen. */
export class HandleDescription extends OpaqueHandle {
  /** How many more times the payload may be unsealed; `undefined` for no limit. */
  readonly usesLeft: number | undefined;

  constructor(fields: DescriptionFields) {
    super(fields);
    this.usesLeft = fields.usesLeft;
    Object.freeze(this);
  }

  override toJSON(): WireDescription {
    return { ...super.toJSON(), uses_left: this.usesLeft ?? null };
  }
}

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
 * Tells whether `value` is worth looking up as a handle id. No record is ever found under an id that
 * was not drawn here, so the digits need no checking.
 */
export function isHandleId(value: unknown): value is string {
  return typeof value === "string" && value.length === ID_CHARACTERS && value.startsWith(PREFIX);
}

/** A handle as every method takes it: the handle itself, in any form that has its id, or the id. */
export type HandleReference = string | { readonly id: string };

/**
 * Returns the id that a reference stands for; for vaults of your own. A text is taken as it is: one that
 * is no id is the id of no handle.
 *
 * @param name - What the reference is called in the error.
 * @throws TypeError It is neither a text nor an object with the id of a handle.
 *
 * @example
 * ```ts
 * const unseal = (handle: HandleReference) => vault.unseal(handleIdOf(handle), "hr");
 * ```
 */
export function handleIdOf(reference: HandleReference, name = "handle"): string {
  if (typeof reference === "string") return reference;
  // Read once: what is checked is what is used. Handles of other copies of the library are as good.
  const id = typeof reference === "object" && reference !== null ? reference.id : undefined;
  if (isHandleId(id)) return id;
  throw typeFault(name, "handle");
}

/**
 * Returns the key of a handle's record in every cache: SHA-256 of the id, in base64url.
 *
 * It is one-way: a reader of the cache learns no id of a handle.
 */
export function lookupIdOf(handleId: string): string {
  return hash("sha256", handleId, "base64url");
}

/** What an {@link OpaqueHandle} is made of. */
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

/** The form in which handles travel between processes. Times are ISO 8601 in UTC. */
export interface WireHandle {
  readonly id: string;
  readonly safe_view: string;
  readonly owner_principal: string;
  readonly granted_principals: readonly string[];
  readonly created_at: string;
  readonly expires_at: string;
}

/**
 * What stands for a sealed payload: an id and a safe view, never the payload. Frozen.
 *
 * Hand `id` and `safeView` to models, agents and queues. `util.inspect` and `console.log` print
 * neither the id nor any principal; `JSON.stringify` gives the whole {@link WireHandle}.
 */
export class OpaqueHandle {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly id: string;
  /** Text that may be shown to everyone. */
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
    // A subclass has fields of its own to set, and freezes when it is done.
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

  /** Returns the form in which the handle travels between processes. */
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
    // An accidental log line must not show the id: a reader could try to use it.
    Object.defineProperty(OpaqueHandle.prototype, inspect.custom, {
      value(this: OpaqueHandle) {
        return `${this.constructor.name} { expiresAt: ${this.expiresAt.toISOString()} }`;
      },
    });
  }
}

/** What a {@link HandleDescription} is made of. */
export interface DescriptionFields extends HandleFields {
  readonly usesLeft: number | undefined;
}

/** A {@link WireHandle} with the uses that are left, `null` for no limit. */
export interface WireDescription extends WireHandle {
  readonly uses_left: number | null;
}

/** A handle as its owner and grantees may see it. Frozen. */
export class HandleDescription extends OpaqueHandle {
  /** How many more times the payload will be handed out; `undefined` for no limit. */
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

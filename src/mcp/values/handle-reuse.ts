/**
 * Gives equal values of one subject the same handle, so that a model can compare values by their
 * handles.
 */
import { createHmac, randomBytes } from "node:crypto";
import { setBounded } from "../../primitives/bounded-map.js";
import { isBytes } from "../../primitives/bytes.js";
import { monotonicClock, systemClock } from "../../vault/clock.js";
import type { Clock } from "../../vault/contracts.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
  withMethods,
} from "../../vault/options.js";
import type { Vault } from "../../vault/vault.js";
import { isObject } from "../protocol/messages.js";
import { type HandleForm, handleForm } from "./handle-form.js";

/** The options of {@link HandleReuse}. */
export interface HandleReuseOptions {
  /** The secret key of the digests, at least 32 bytes. Default: random bytes for this process. */
  readonly key?: Uint8Array | undefined;
  /** The maximum number of remembered handles; the oldest are forgotten first. Default 10,000. */
  readonly maxHandles?: number | undefined;
  /** The clock. Default: the system clock. */
  readonly clock?: Clock | undefined;
}

/** The terms on which a value is sealed. A handle is reused only if all of them are equal. */
export interface ReuseContext {
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
  /** The rule that seals it. */
  readonly rule: string;
  /** Lifetime of a new handle, in seconds. */
  readonly ttlSeconds: number;
}

const MIN_KEY_BYTES = 32;
const MAX_HANDLES = 1_000_000;
const OPTIONS: OptionsTable<WithDefaults<HandleReuseOptions, "maxHandles">> = {
  key: optional(checkKey),
  maxHandles: optional(integerWithin(1, MAX_HANDLES), 10_000),
  clock: optional(withMethods<Clock>("now")),
};

/**
 * Remembers the handle of each value under a keyed digest of the value. It does not keep the value.
 *
 * A handle is reused while at least half of its lifetime is left. Equal handles reveal that their
 * values are equal, so do not use this if a model could guess values and test its guesses.
 *
 * @example
 * ```ts
 * const reuse = new HandleReuse();
 * withVault(server, { vault, policy, server: "patients", subjectOf, reuse });
 * ```
 */
export class HandleReuse {
  readonly #key: Uint8Array;
  readonly #maxHandles: number;
  readonly #clock: Clock;
  readonly #ids = new Map<string, string>();

  /**
   * @throws TypeError An option is unknown or of the wrong type.
   * @throws RangeError The key is too short, or a number is out of its bounds.
   */
  constructor(options: HandleReuseOptions = {}) {
    const settings = readOptions(options, OPTIONS, { name: "HandleReuse options", prefix: "" });
    const { key = randomBytes(MIN_KEY_BYTES), clock = systemClock(), maxHandles } = settings;
    this.#key = Uint8Array.from(key);
    this.#maxHandles = maxHandles;
    this.#clock = monotonicClock(clock);
  }

  /** Returns the digest under which a value's handle is remembered. */
  digestOf(value: unknown, context: ReuseContext): string {
    const { ownerPrincipal, grantedPrincipals, rule, ttlSeconds } = context;
    const text = JSON.stringify([
      [ownerPrincipal, grantedPrincipals, rule, ttlSeconds],
      sorted(value),
    ]);
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }

  /**
   * Returns a value's handle if its owner can still describe it and at least half of its lifetime
   * is left.
   */
  async find(
    vault: Vault,
    digest: string,
    { ownerPrincipal, ttlSeconds }: ReuseContext,
  ): Promise<HandleForm | undefined> {
    const id = this.#ids.get(digest);
    if (id === undefined) return undefined;
    try {
      const handle = await vault.describe(id, ownerPrincipal);
      const leftMs = handle.expiresAt.getTime() - this.#clock.now();
      return leftMs * 2 >= ttlSeconds * 1000 ? handleForm(handle) : undefined;
    } catch {
      // The handle has expired or was invalidated, or the vault failed. The caller then seals the
      // value again; if the vault is unavailable, that call fails.
      return undefined;
    }
  }

  /** Remembers the handle of a value. */
  remember(digest: string, id: string): void {
    setBounded(this.#ids, digest, id, this.#maxHandles);
  }
}

/** Returns data whose JSON text is equal for equal values only, with members sorted by name. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ["[", ...value.map(sorted)];
  if (!isObject(value)) return value;
  const names = Object.keys(value).toSorted();
  return ["{", ...names.map((name) => [name, sorted(value[name])])];
}

function checkKey(value: unknown, place: string): asserts value is Uint8Array {
  if (!isBytes(value)) throw new TypeError(`${place} must be a Uint8Array`);
  if (value.length < MIN_KEY_BYTES) {
    throw new RangeError(`${place} must have at least ${MIN_KEY_BYTES} bytes`);
  }
}

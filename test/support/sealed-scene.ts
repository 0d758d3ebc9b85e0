/** A vault over a cache that can be tampered with, and one record in it. */
import {
  HandleVault,
  type KeyProvider,
  KeyRing,
  memoryCache,
  type OpaqueHandle,
  type SealOptions,
} from "../../src/index.js";
import { lookupIdOf } from "../../src/vault/handle.js";
import { AlteredCache } from "./altered-cache.js";

export const OWNER = "owner";
/** Every payload and safe view has it, and no error may. */
export const CANARY = "canary-7f3a";
/** The smallest payload that is detached. */
const DETACHED_BYTES = 4097;

/** One sealed record, with the bytes that the cache holds for it. */
export interface SealedRecord {
  readonly handle: OpaqueHandle;
  readonly lookupId: string;
  readonly payload: string;
  readonly head: Buffer;
  readonly body: Buffer | undefined;
}

/** A cache, keys to it, and the vault that wrote what is in it. */
export class Scene {
  readonly cache: AlteredCache;
  readonly keys: KeyProvider;
  readonly vault: HandleVault;

  constructor(keys: KeyProvider = KeyRing.from({ current: "k-old", keys: { "k-old": KEY } })) {
    this.cache = new AlteredCache(memoryCache());
    this.keys = keys;
    this.vault = this.freshVault();
  }

  /** Returns another vault on the same records, as another process would have it. */
  freshVault(options: { readonly tenant?: string; readonly keys?: KeyProvider } = {}): HandleVault {
    return new HandleVault({ cache: this.cache, keys: this.keys, ...options });
  }

  /** Seals text that makes an inline record. */
  inline(options: Partial<SealOptions> = {}, vault: HandleVault = this.vault) {
    return this.#seal(`${CANARY} ${"i".repeat(8)}`, options, vault);
  }

  /** Seals text that makes a detached record. */
  detached(options: Partial<SealOptions> = {}, vault: HandleVault = this.vault) {
    return this.#seal(CANARY.padEnd(DETACHED_BYTES, "d"), options, vault);
  }

  async #seal(
    payload: string,
    options: Partial<SealOptions>,
    vault: HandleVault,
  ): Promise<SealedRecord> {
    const safeView = `safe ${CANARY}`;
    // The canary is in both, so that no plaintext goes unseen, whatever part of it is looked at.
    const always = { ownerPrincipal: OWNER, safeView, leakGuard: "off" } as const;
    const handle = await vault.seal(payload, { ...always, ...options });
    const lookupId = lookupIdOf(handle.id);
    return { handle, lookupId, payload, ...(await this.cache.stored(lookupId)) };
  }
}

const KEY: Buffer = Buffer.alloc(32, 7);

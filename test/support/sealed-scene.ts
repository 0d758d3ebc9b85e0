/** A vault over a cache that a test can tamper with, and one record in it. */
import {
  HandleVault,
  type KeyProvider,
  KeyRing,
  memoryCache,
  type OpaqueHandle,
} from "../../src/index.js";
import { lookupIdOf } from "../../src/vault/handle.js";
import { AlteredCache } from "./altered-cache.js";
import type { TestSealOptions } from "./vault.js";

export const OWNER = "owner";
/** A text that every payload and safe view contains, and that no error may contain. */
export const CANARY = "canary-7f3a";
/** The size of the smallest payload that is stored in a separate body. */
const DETACHED_BYTES = 4097;

/** One sealed record, with the bytes that the cache holds for it. */
export interface SealedRecord {
  readonly handle: OpaqueHandle;
  readonly lookupId: string;
  readonly payload: string;
  readonly head: Buffer;
  readonly body: Buffer | undefined;
}

/** A cache with its keys and the vault that wrote its records. */
export class Scene {
  readonly cache: AlteredCache;
  readonly keys: KeyProvider;
  readonly vault: HandleVault;

  constructor(keys: KeyProvider = KeyRing.from({ current: "k-old", keys: { "k-old": KEY } })) {
    this.cache = new AlteredCache(memoryCache());
    this.keys = keys;
    this.vault = this.freshVault();
  }

  /** Returns another vault on the same records, as in another process. */
  freshVault(options: { readonly tenant?: string; readonly keys?: KeyProvider } = {}): HandleVault {
    return new HandleVault({ cache: this.cache, keys: this.keys, ...options });
  }

  /** Seals a text that is stored inline. */
  inline(options: Partial<TestSealOptions> = {}, vault: HandleVault = this.vault) {
    return this.#seal(`${CANARY} ${"i".repeat(8)}`, options, vault);
  }

  /** Seals a text that is stored detached. */
  detached(options: Partial<TestSealOptions> = {}, vault: HandleVault = this.vault) {
    return this.#seal(CANARY.padEnd(DETACHED_BYTES, "d"), options, vault);
  }

  async #seal(
    payload: string,
    options: Partial<TestSealOptions>,
    vault: HandleVault,
  ): Promise<SealedRecord> {
    const safeView = `safe ${CANARY}`;
    // The canary is in both the payload and the safe view, so that a leak of either is detected.
    const always = { ownerPrincipal: OWNER, safeView, leakGuard: "off" } as const;
    const handle = await vault.seal(payload, { ...always, ...options });
    const lookupId = lookupIdOf(handle.id);
    return { handle, lookupId, payload, ...(await this.cache.stored(lookupId)) };
  }
}

const KEY: Buffer = Buffer.alloc(32, 7);

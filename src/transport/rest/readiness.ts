/** Whether a service can reach its cache, for orchestrators that send traffic by it. */
import { settlesWithin } from "../../primitives/settles-within.js";
import { isVaultError } from "../../vault/errors.js";
import { newHandleId } from "../../vault/handle.js";
import type { Vault } from "../../vault/vault.js";

const KEPT_MS = 1000;
const DEADLINE_MS = 2000;

/** What a {@link Readiness} works with besides a vault. */
export interface ReadinessOptions {
  /** Milliseconds that only grow. Default: those of `performance.now()`. */
  readonly elapsedMs?: () => number;
  /** How long the cache may take, in milliseconds. */
  readonly deadlineMs?: number;
}

/**
 * Asks a vault for the safe view of a handle that does not exist: a cache that works says so.
 *
 * Anyone may ask, so that at most one probe is under way and its result is kept for a second, however many
 * requests come.
 */
export class Readiness {
  readonly #vault: Pick<Vault, "getSafeView">;
  readonly #elapsedMs: () => number;
  readonly #deadlineMs: number;
  #checking: Promise<boolean> | undefined;
  #isProbing = false;
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(vault: Pick<Vault, "getSafeView">, options: ReadinessOptions = {}) {
    const { elapsedMs = () => performance.now(), deadlineMs = DEADLINE_MS } = options;
    this.#vault = vault;
    this.#elapsedMs = elapsedMs;
    this.#deadlineMs = deadlineMs;
  }

  /** Returns whether the cache answers within the deadline; never rejects. */
  isReady(): Promise<boolean> {
    const isKept = this.#elapsedMs() - this.#checkedAtMs < KEPT_MS;
    if (this.#checking === undefined || !isKept) this.#checking = this.#check();
    return this.#checking;
  }

  async #check(): Promise<boolean> {
    // Kept while it is under way, too.
    this.#checkedAtMs = Number.POSITIVE_INFINITY;
    // A probe that has not come back yet says enough.
    const isReady = !this.#isProbing && (await this.#probeInTime());
    this.#checkedAtMs = this.#elapsedMs();
    return isReady;
  }

  async #probeInTime(): Promise<boolean> {
    let isReady = false;
    this.#isProbing = true;
    const probe = this.#probe().then((found) => {
      isReady = found;
      this.#isProbing = false;
    });
    await settlesWithin(this.#deadlineMs, probe);
    return isReady;
  }

  async #probe(): Promise<boolean> {
    try {
      await this.#vault.getSafeView(newHandleId());
      return false;
    } catch (error) {
      return isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND");
    }
  }
}

/** Checks whether a service can reach its cache, for orchestrators that route traffic by the result. */
import { settlesWithin } from "../../primitives/settles-within.js";
import { isVaultError } from "../../vault/errors.js";
import { newHandleId } from "../../vault/handle.js";
import type { Vault } from "../../vault/vault.js";

const KEPT_MS = 1000;
const DEADLINE_MS = 2000;

/** The dependencies of a {@link Readiness} other than a vault. */
export interface ReadinessOptions {
  /** Milliseconds that never decrease. Default: those of `performance.now()`. */
  readonly elapsedMs?: () => number;
  /** The time limit for the cache, in milliseconds. */
  readonly deadlineMs?: number;
}

/**
 * Requests the safe view of a handle that does not exist: a working cache reports that.
 *
 * The check needs no authentication. So at most one probe runs at a time and its result is kept for a second,
 * however
 * many requests arrive.
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

  /** Returns whether the cache responds within the deadline; never rejects. */
  isReady(): Promise<boolean> {
    const isKept = this.#elapsedMs() - this.#checkedAtMs < KEPT_MS;
    if (this.#checking === undefined || !isKept) this.#checking = this.#check();
    return this.#checking;
  }

  async #check(): Promise<boolean> {
    // The check also counts as fresh while it runs.
    this.#checkedAtMs = Number.POSITIVE_INFINITY;
    // A probe that is still running already means "not ready".
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

import type { Vault } from "../../../src/index.js";
import { HandleVault } from "../../support/modules.js";

/** How a test gets at the vault it tries. */
export interface VaultHarness {
  /**
   * Returns a vault to try, and what ends everything that was started for it.
   *
   * @param behind - The vault that a service is to serve, to callers who may name any principal; a
   *   vault in process is returned as it is.
   */
  open(behind: Vault): Promise<OpenVault>;
}

interface OpenVault {
  readonly vault: Vault;
  close(): Promise<void>;
}

/** Runs a law on a vault of its own. */
export async function withVault(
  harness: VaultHarness,
  law: (vault: Vault) => Promise<void>,
  behind: Vault = new HandleVault(),
): Promise<void> {
  const opened = await harness.open(behind);
  try {
    await law(opened.vault);
  } finally {
    await opened.close();
    await behind.close();
  }
}

/** Returns what a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error("it was not rejected with an error");
  return outcome;
}

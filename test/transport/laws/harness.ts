import type { Vault } from "../../../src/index.js";
import { HandleVault } from "../../support/modules.js";

/** Opens the vault that a test examines. */
export interface VaultHarness {
  /**
   * Returns a vault to test, and a function that ends everything started for it.
   *
   * @param behind - The vault that a service serves, to callers that may name any principal. A harness
   * in process returns it unchanged.
   */
  open(behind: Vault): Promise<OpenVault>;
}

interface OpenVault {
  readonly vault: Vault;
  close(): Promise<void>;
}

/** Runs a law on a new vault. */
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

/** Returns the reason with which a promise is rejected. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error("it was not rejected with an error");
  return outcome;
}

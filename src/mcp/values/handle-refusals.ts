/** The errors of a vault for a handle that cannot be opened. */
import { isVaultError } from "../../vault/errors.js";

const REFUSALS: ReadonlySet<string> = new Set([
  "ERR_VAULT_HANDLE_NOT_FOUND",
  "ERR_VAULT_HANDLE_EXPIRED",
  "ERR_VAULT_HANDLE_ACCESS_DENIED",
  "ERR_VAULT_HANDLE_EXHAUSTED",
  "ERR_VAULT_HANDLE_EVICTED",
]);

/**
 * Returns whether an error means that a handle cannot be opened. Other errors mean that the vault
 * failed.
 */
export function isHandleRefusal(error: unknown): boolean {
  return isVaultError(error) && REFUSALS.has(error.code);
}

/** What a vault says of a handle that does not open. */
import { isVaultError } from "../vault/errors.js";

const REFUSALS: ReadonlySet<string> = new Set([
  "ERR_VAULT_HANDLE_NOT_FOUND",
  "ERR_VAULT_HANDLE_EXPIRED",
  "ERR_VAULT_HANDLE_ACCESS_DENIED",
  "ERR_VAULT_HANDLE_EXHAUSTED",
  "ERR_VAULT_HANDLE_EVICTED",
]);

/** Tells whether a vault says that a handle does not open, rather than that it cannot tell. */
export function isHandleRefusal(error: unknown): boolean {
  return isVaultError(error) && REFUSALS.has(error.code);
}

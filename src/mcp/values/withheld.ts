/** Explains to the operator why data was withheld, without any value. */
import { isVaultError } from "../../vault/errors.js";
import { EchoLimitError } from "./echoes.js";

/** Returns a sentence with the withheld item and the cause. */
export function withheldText(what: string, error: unknown): string {
  return `${what} is withheld: ${causeOf(error)}.`;
}

/**
 * Returns the cause. Error messages are not used, because a function that received values may
 * repeat them.
 */
function causeOf(error: unknown): string {
  if (isVaultError(error)) return error.code;
  if (error instanceof EchoLimitError) return "it is too large to be searched for opened values";
  return "it is no data that can be sealed, or a function of the policy, or the vault, failed";
}

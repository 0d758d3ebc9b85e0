/** Why something was withheld, in words for the operator that hold no value. */
import { isVaultError } from "../vault/errors.js";
import { EchoLimitError } from "./echoes.js";

/** Returns the sentence that says what was withheld, and why. */
export function withheldText(what: string, error: unknown): string {
  return `${what} is withheld: ${causeOf(error)}.`;
}

/** A code says enough: messages of functions that are given values may repeat these. */
function causeOf(error: unknown): string {
  if (isVaultError(error)) return error.code;
  if (error instanceof EchoLimitError) return "it is too large to be searched for opened values";
  return "it is no data that can be sealed, or a function of the policy, or the vault, failed";
}

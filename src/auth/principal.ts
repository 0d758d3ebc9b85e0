import { checkPrincipal } from "../vault/checks.js";

/** Returns the value if it is a valid principal, else `undefined`. An invalid one is never corrected. */
export function principalOf(value: unknown): string | undefined {
  try {
    checkPrincipal(value, "principal");
    return value;
  } catch {
    return undefined;
  }
}

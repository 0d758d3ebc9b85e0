import { checkPrincipal } from "../vault/checks.js";

/** Returns the value if a principal can be it: what a credential says is checked, never mended. */
export function principalOf(value: unknown): string | undefined {
  try {
    checkPrincipal(value, "principal");
    return value;
  } catch {
    return undefined;
  }
}

import {
  type CallOptions,
  HandleVault,
  type HandleVaultOptions,
  type SealTerms,
} from "../../src/index.js";

export const OWNER = "spiffe://example.org/owner";
export const GRANTEE = "spiffe://example.org/grantee";
export const STRANGER = "spiffe://example.org/stranger";

/** A clock whose time changes only when a test sets it. */
export class ManualClock {
  nowMs = Date.UTC(2026, 0, 1);

  now(): number {
    return this.nowMs;
  }

  advanceSeconds(seconds: number): void {
    this.nowMs += seconds * 1000;
  }
}

/** Returns a vault with a manual clock, and the clock. */
export function vaultWithClock(options: HandleVaultOptions = {}): {
  vault: HandleVault;
  clock: ManualClock;
} {
  const clock = new ManualClock();
  return { vault: new HandleVault({ ...options, clock }), clock };
}

/** Options of a seal whose safe view is a text. */
export type TestSealOptions = SealTerms & CallOptions & { readonly safeView: string };

/** Returns options for `seal` that grant one other principal. */
export function sealOptions(overrides: Partial<TestSealOptions> = {}): TestSealOptions {
  return {
    ownerPrincipal: OWNER,
    grantedPrincipals: [GRANTEE],
    safeView: "a payload",
    ...overrides,
  };
}

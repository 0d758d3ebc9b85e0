/** The access decision: who may open a handle, and when. */

/** The facts that the decision depends on. */
export interface AccessPolicy {
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
  /** Milliseconds since 1970-01-01T00:00:00Z; from this moment on the handle is expired. */
  readonly expiresAtMs: number;
  /** `undefined` for no limit. */
  readonly usesLeft: number | undefined;
}

/** The decision: `"allowed"`, or the first reason to refuse. */
export type Verdict = "allowed" | "expired" | "denied" | "exhausted";

/** Decides whether `principal` may open the payload at `nowMs`: not expired, authorised, uses left. */
export function mayUnseal(policy: AccessPolicy, principal: string, nowMs: number): Verdict {
  const verdict = mayDescribe(policy, principal, nowMs);
  return verdict === "allowed" && policy.usesLeft === 0 ? "exhausted" : verdict;
}

/** Decides whether `principal` may see owner, grants and times: the owner and grantees may. */
export function mayDescribe(policy: AccessPolicy, principal: string, nowMs: number): Verdict {
  if (isExpired(policy, nowMs)) return "expired";
  const known = policy.ownerPrincipal === principal || policy.grantedPrincipals.includes(principal);
  return known ? "allowed" : "denied";
}

/** Decides whether `principal` may change grants and lifetime: only the owner may. */
export function mayChange(policy: AccessPolicy, principal: string, nowMs: number): Verdict {
  if (isExpired(policy, nowMs)) return "expired";
  return policy.ownerPrincipal === principal ? "allowed" : "denied";
}

/** Returns whether the handle has expired at `nowMs`. */
export function isExpired(policy: AccessPolicy, nowMs: number): boolean {
  return nowMs >= policy.expiresAtMs;
}

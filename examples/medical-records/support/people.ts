/** Who takes part: each has a token of its own, which says this and no more. */
export const RECORDS = "spiffe://example.org/patient-records";
export const AGENT = "spiffe://example.org/agent";
export const GATEWAY = "spiffe://example.org/gateway";
export const ATTACKER = "spiffe://example.org/attacker";

/** The principals of the example. Each has its own token, which contains only this name. */
export const RECORDS = "spiffe://example.org/patient-records";
export const AGENT = "spiffe://example.org/agent";
export const GATEWAY = "spiffe://example.org/gateway";
export const ATTACKER = "spiffe://example.org/attacker";

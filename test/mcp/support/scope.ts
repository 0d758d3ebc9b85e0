/** A vault, a policy and a subject for tests of one call. */
import { HandleVault, type OpaqueHandle, type Vault } from "../../../src/index.js";
import {
  AgentPolicy,
  serverPrincipal,
  type ToolPolicy,
  type ToolScope,
  toolPrincipal,
} from "../../../src/mcp.js";

export const SUBJECT = "alice";
const USER = { server: "pharmacy", tool: "check" };

/** The name of the tool to which handles are granted, as in a policy. */
export const GRANTED = "pharmacy/check";

/** Returns the scope for a call of `records/lookup` under the rules. */
export function lookupScope(rules: ToolPolicy, vault: Vault = new HandleVault()): ToolScope {
  const policy = new AgentPolicy({ servers: { records: { tools: { lookup: rules } } } });
  return { vault, policy, server: "records", tool: "lookup", subject: SUBJECT };
}

/** Returns the scope for a call of `pharmacy/check` under the rules. */
export function checkScope(rules: ToolPolicy, vault: Vault = new HandleVault()): ToolScope {
  const policy = new AgentPolicy({ servers: { pharmacy: { tools: { check: rules } } } });
  return { vault, policy, ...USER, subject: SUBJECT };
}

/** Seals a value as the server `records` does, for `pharmacy/check`. */
export function sealFor(
  vault: Vault,
  value: unknown,
  { subject = SUBJECT, maxUses }: { subject?: string; maxUses?: number } = {},
): Promise<OpaqueHandle> {
  return vault.seal(value, {
    ownerPrincipal: serverPrincipal("records", subject),
    grantedPrincipals: [toolPrincipal(USER, subject)],
    safeView: "a value",
    maxUses,
  });
}

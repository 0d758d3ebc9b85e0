/** Checks before a tool runs whether the vault can seal its output. */
import { isVaultError } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { isSealing } from "../policy/policy-rules.js";
import { serverPrincipal } from "../policy/principals.js";
import { constantView } from "../policy/safe-views.js";
import { NOT_EXECUTED_VAULT_DOWN } from "../protocol/fixed-texts.js";
import { type ToolResult, toolError } from "./tool-result.js";
import type { ToolScope } from "./tool-scope.js";

/**
 * The time for which a successful write replaces the next probe write, in milliseconds. A probe
 * write costs two commits, which wait for a disk.
 */
const VOUCHING_MS = 1000;
const NO_HANDLE = `hdl_${"0".repeat(32)}`;

/** The time of a vault's last successful probe write, in milliseconds of this process. */
const lastWrites = new WeakMap<Vault, number>();

/**
 * Checks whether the vault can seal the output of a tool.
 *
 * The probe writes, unless a write has succeeded within the last second and no output has been
 * withheld since. Then it only reads.
 *
 * @returns The tool error to return instead of running the tool, or `undefined` if the tool may
 *   run.
 */
export async function probeVault(scope: ToolScope): Promise<ToolResult | undefined> {
  const rules = scope.policy.rulesOf(scope);
  if (rules.handling !== "rules" || !isSealing(rules)) return undefined;
  const owner = serverPrincipal(scope.server, scope.subject);
  try {
    await (isVouchedFor(scope.vault) ? probeRead : probeWrite)(scope.vault, owner);
    return undefined;
  } catch {
    distrustVault(scope.vault);
    return toolError(NOT_EXECUTED_VAULT_DOWN);
  }
}

/** Makes the next probe of a vault write. */
export function distrustVault(vault: Vault): void {
  lastWrites.delete(vault);
}

function isVouchedFor(vault: Vault): boolean {
  const last = lastWrites.get(vault);
  return last !== undefined && performance.now() - last < VOUCHING_MS;
}

async function probeRead(vault: Vault, owner: string): Promise<void> {
  try {
    await vault.describe(NO_HANDLE, owner);
  } catch (error) {
    if (!isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")) throw error;
  }
}

async function probeWrite(vault: Vault, owner: string): Promise<void> {
  const startedAt = performance.now();
  const options = { ...constantView("a probe"), ownerPrincipal: owner, ttlSeconds: 1 };
  const { id } = await vault.seal(null, options);
  await vault.invalidate(id, owner);
  lastWrites.set(vault, startedAt);
}

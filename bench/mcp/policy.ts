/** The policies of the measured servers. A proxy reads them from a file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PolicyOptions } from "handlevault/mcp";

export const SERVER = "records";

/** One tool of each kind: sealed completely, sealed in one place, and not sealed. */
export const POLICY: PolicyOptions = {
  servers: {
    [SERVER]: {
      tools: {
        whole: { seal: [{ at: "", safeView: { fixed: "a table" }, grant: ["records/pass"] }] },
        place: { seal: [{ at: "/0/patientId", safeView: { fixed: "a patient" } }] },
        shape: { seal: [{ at: "" }] },
        pass: { seal: "none" },
      },
    },
  },
};

/** The tools that a server has. */
export const TOOLS = ["whole", "shape", "place", "pass"] as const;

/** Writes the policy file of a proxy with a vault in memory. The file is deleted when the process ends. */
export function policyFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "handlevault-mcp-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const path = join(folder, "policy.json");
  const policy = { version: 1, vault: { cache: "memory" }, subject: "alice", ...POLICY };
  writeFileSync(path, JSON.stringify(policy));
  return path;
}

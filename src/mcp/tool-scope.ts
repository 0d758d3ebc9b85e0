/** For whom a tool is called, and what holds for it. */
import type { Vault } from "../vault/vault.js";
import type { HandleReuse } from "./handle-reuse.js";
import type { AgentPolicy } from "./policy.js";
import { checkServerName, checkSubject, checkToolName, type ToolName } from "./principals.js";

/** One tool, called for one subject. */
export interface ToolScope extends ToolName {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The user or conversation that the agent works for: from a validated token, or the launcher. */
  readonly subject: string;
  /** Gives equal values of a subject the same handle. Default: every value gets a new one. */
  readonly reuse?: HandleReuse | undefined;
}

/** For whom values are sealed, and where. */
export type SealingScope = Pick<ToolScope, "vault" | "server" | "subject" | "reuse">;

/** Throws unless principals can be made of the names in a scope. */
export function checkScope({ server, tool, subject }: ToolScope): void {
  checkServerName(server, "server");
  checkToolName(tool, "tool");
  checkSubject(subject);
}

/** The scope of a tool call: vault, policy, names and subject. */
import type { Vault } from "../../vault/vault.js";
import type { AgentPolicy } from "../policy/policy.js";
import {
  checkServerName,
  checkSubject,
  checkToolName,
  type ToolName,
} from "../policy/principals.js";
import type { HandleReuse } from "./handle-reuse.js";

/** One tool, called for one subject. */
export interface ToolScope extends ToolName {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /**
   * The user or conversation that the agent works for, from a validated token or from the launcher.
   */
  readonly subject: string;
  /** Gives equal values of one subject the same handle. Default: each value gets a new handle. */
  readonly reuse?: HandleReuse | undefined;
}

/** The part of a scope that sealing needs. */
export type SealingScope = Pick<ToolScope, "vault" | "server" | "subject" | "reuse">;

/** Throws unless principals can be built from the names in a scope. */
export function checkScope({ server, tool, subject }: ToolScope): void {
  checkServerName(server, "server");
  checkToolName(tool, "tool");
  checkSubject(subject);
}

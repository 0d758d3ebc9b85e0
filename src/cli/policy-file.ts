/** Reads a policy file: what agents may see, where handles are kept, and who the subject is. */
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { loadPeer } from "../load-peer.js";
import { AgentPolicy } from "../mcp/policy.js";
import type { PolicyOptions, SealRule, ToolPolicy } from "../mcp/policy-options.js";
import type { SafeViewRule } from "../mcp/safe-views.js";
import { CommandError, policyError, usageError, WRONG } from "./command-error.js";
import type { OneOf, PolicyData, SealRuleData, ToolData } from "./policy-data.js";
import { assertReachable, issueError, type SchemaIssue } from "./policy-problems.js";
import type { PolicyText } from "./policy-text.js";
import { SUMMARIZERS } from "./summarizers.js";

const MAX_POLICY_BYTES = 1024 * 1024;

/** A policy file that has been checked. */
export interface PolicyFile {
  readonly data: PolicyData;
  readonly policy: AgentPolicy;
  /** Returns the path of a file that the policy names: relative ones start at the policy's folder. */
  pathOf(file: string): string;
}

/**
 * Reads and checks a policy.
 *
 * @throws CommandError It cannot be read, or something in it is wrong: the message says where.
 * @throws {@link PeerMissingError} `yaml` or `zod` is not installed.
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const { parsePolicyText } = await loadPeer("yaml", () => import("./policy-text.js"));
  const { policySchema } = await loadPeer("zod", () => import("./policy-schema.js"));
  const text = parsePolicyText(await readBounded(path));
  const checked = policySchema.safeParse(text.data);
  if (!checked.success) throw issueError(checked.error.issues as readonly SchemaIssue[], text);
  const { data } = checked;
  assertReachable(data, text);
  return {
    data,
    policy: agentPolicy(data, text),
    pathOf: (file) => resolve(dirname(path), file),
  };
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) throw usageError("the policy cannot be read: check the path of --policy");
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw usageError("the policy is not a file: check the path of --policy");
    if (stats.size > MAX_POLICY_BYTES) throw policyError("the file is larger than 1 MiB");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function agentPolicy(data: PolicyData, text: PolicyText): AgentPolicy {
  const { ttlSeconds, defaults } = data;
  const servers = mapMembers(data.servers, ({ tools }, server) => ({
    tools: mapMembers(tools, (tool, name) =>
      toolPolicy(tool, (path) => text.positionOf(["servers", server, "tools", name, ...path])),
    ),
  }));
  return checked({ ttlSeconds, defaults, servers });
}

type PositionOf = (path: readonly (string | number)[]) => ReturnType<PolicyText["positionOf"]>;

function toolPolicy({ seal, ...rest }: ToolData, positionOf: PositionOf): ToolPolicy {
  if (seal === undefined || seal === "none") return { ...rest, seal };
  return {
    ...rest,
    seal: seal.map((rule, index) => sealRule(rule, (path) => positionOf(["seal", index, ...path]))),
  };
}

function sealRule({ safeView, ...rest }: SealRuleData, positionOf: PositionOf): SealRule {
  if (safeView === undefined) return rest;
  return { ...rest, safeView: safeViewRule(safeView, positionOf) };
}

function safeViewRule(
  { fixed = "", summarizer: name }: OneOf<"fixed" | "summarizer">,
  positionOf: PositionOf,
): SafeViewRule {
  if (name === undefined) return { fixed };
  const summarizer = SUMMARIZERS.get(name);
  if (summarizer !== undefined) return { summarizer };
  throw policyError("there is no summarizer of that name", positionOf(["safeView", "summarizer"]));
}

/** The policy's own errors say which member they are about. */
function checked(options: PolicyOptions): AgentPolicy {
  try {
    return new AgentPolicy(options);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new CommandError(error.message, WRONG);
  }
}

function mapMembers<From, To>(
  members: Readonly<Record<string, From>>,
  map: (member: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, map(member, name)]),
  );
}

/** Reads a policy file: what agents may see, where handles are kept, and who the subject is. */
import { dirname, resolve } from "node:path";
import { loadPeer } from "../load-peer.js";
import { AgentPolicy } from "../mcp/policy.js";
import type { PolicyOptions, SealRule, ToolPolicy } from "../mcp/policy-options.js";
import type { SafeViewRule } from "../mcp/safe-views.js";
import { CommandError, policyError, usageError, WRONG } from "./command-error.js";
import type { OneOf, PolicyData, SealRuleData, ToolData } from "./policy-data.js";
import { marksIn } from "./policy-marks.js";
import { assertReachable, issueError, type SchemaIssue } from "./policy-problems.js";
import type { PolicyText } from "./policy-text.js";
import { readBounded } from "./read-bounded.js";
import { SUMMARIZERS } from "./summarizers.js";

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
 * @throws PeerMissingError `yaml` or `zod` is not installed.
 */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const { parsePolicyText } = await loadPeer("yaml", () => import("./policy-text.js"));
  const { policySchema } = await loadPeer("zod", () => import("./policy-schema.js"));
  const text = parsePolicyText(await readPolicyText(path));
  const checked = policySchema.safeParse(text.data);
  if (!checked.success) throw issueError(checked.error.issues as readonly SchemaIssue[], text);
  const { data } = checked;
  assertReachable(data, text);
  const pathOf = (file: string) => resolve(dirname(path), file);
  return { data, policy: await agentPolicy(data, text, pathOf), pathOf };
}

async function readPolicyText(path: string): Promise<string> {
  const read = await readBounded(path);
  if (!read.ok) throw usageError(`the policy ${read.problem}: check the path of --policy`);
  return read.text;
}

async function agentPolicy(
  { ttlSeconds, defaults, servers: given }: PolicyData,
  text: PolicyText,
  pathOf: PolicyFile["pathOf"],
): Promise<AgentPolicy> {
  const servers = await mapMembers(given, async ({ tools }, server) => ({
    tools: await mapMembers(tools, (tool, name) => {
      const positionOf: PositionOf = (path) =>
        text.positionOf(["servers", server, "tools", name, ...path]);
      return toolPolicy(tool, { positionOf, pathOf });
    }),
  }));
  return checked({ ttlSeconds, defaults, servers });
}

type PositionOf = (path: readonly (string | number)[]) => ReturnType<PolicyText["positionOf"]>;

interface RuleContext {
  readonly positionOf: PositionOf;
  readonly pathOf: PolicyFile["pathOf"];
}

async function toolPolicy({ seal, ...rest }: ToolData, context: RuleContext): Promise<ToolPolicy> {
  if (seal === undefined || seal === "none") return { ...rest, seal };
  const { pathOf } = context;
  const rules = seal.map((rule, index) => {
    const positionOf: PositionOf = (path) => context.positionOf(["seal", index, ...path]);
    return sealRules(rule, { positionOf, pathOf });
  });
  return { ...rest, seal: (await Promise.all(rules)).flat() };
}

async function sealRules(
  { safeView, at = "", marked, ...rest }: SealRuleData,
  { positionOf, pathOf }: RuleContext,
): Promise<readonly SealRule[]> {
  const terms =
    safeView === undefined ? rest : { ...rest, safeView: safeViewRule(safeView, positionOf) };
  if (marked === undefined) return [{ ...terms, at }];
  const marks = await marksIn(pathOf(marked), positionOf(["marked"]));
  return marks.map((mark) => ({ ...terms, ...mark }));
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

async function mapMembers<From, To>(
  members: Readonly<Record<string, From>>,
  map: (member: From, name: string) => Promise<To>,
): Promise<Record<string, To>> {
  const mapped = Object.entries(members).map(
    async ([name, member]) => [name, await map(member, name)] as const,
  );
  return Object.fromEntries(await Promise.all(mapped));
}

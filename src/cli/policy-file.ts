/** Reads a policy file: the rules for agents, the storage of handles, and the subject. */
import { dirname, resolve } from "node:path";
import { loadPeer } from "../load-peer.js";
import { AgentPolicy } from "../mcp/policy/policy.js";
import type { PolicyOptions, SealRule, ToolPolicy } from "../mcp/policy/policy-options.js";
import { policyFaultOf } from "../mcp/policy/policy-place.js";
import type { SafeViewRule } from "../mcp/policy/safe-views.js";
import { type Position, policyError, usageError, type ValuePath } from "./command-error.js";
import { marksIn } from "./policy-marks.js";
import { assertReachable, issueError, type SchemaIssue } from "./policy-problems.js";
import type { OneOf, PolicyData, SealRuleData, ToolData } from "./policy-schema.js";
import type { PolicyText } from "./policy-text.js";
import { readBounded } from "./read-bounded.js";
import { SUMMARIZERS } from "./summarizers.js";

/** The path in the file of each rule's source. */
type RulePaths = WeakMap<object, ValuePath>;

/** A valid policy file. */
export interface PolicyFile {
  readonly data: PolicyData;
  readonly policy: AgentPolicy;
  /** Returns the position of a value in the file. */
  readonly positionOf: (path: ValuePath) => Position;
  /** Returns the path of a file that the policy names. Relative paths start at the policy's folder. */
  pathOf(file: string): string;
}

/**
 * Reads and validates a policy.
 *
 * @throws CommandError The file cannot be read, or the policy is invalid: the message gives the position.
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
  const policy = await agentPolicy(data, text, pathOf);
  return { data, policy, pathOf, positionOf: text.positionOf };
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
  const rulePaths: RulePaths = new WeakMap();
  const servers = await mapMembers(given, async ({ tools }, server) => ({
    tools: await mapMembers(tools, (tool, name) => {
      const path = ["servers", server, "tools", name];
      return toolPolicy(tool, { path, text, pathOf, rulePaths });
    }),
  }));
  return checkedPolicy({ ttlSeconds, defaults, servers }, text, rulePaths);
}

interface RuleContext {
  /** The path to the tool or rule in the file. */
  readonly path: ValuePath;
  readonly text: PolicyText;
  readonly pathOf: PolicyFile["pathOf"];
  readonly rulePaths: RulePaths;
}

async function toolPolicy({ seal, ...rest }: ToolData, context: RuleContext): Promise<ToolPolicy> {
  if (seal === undefined || seal === "none") return { ...rest, seal };
  const rules = seal.map((rule, index) =>
    sealRules(rule, { ...context, path: [...context.path, "seal", index] }),
  );
  return { ...rest, seal: (await Promise.all(rules)).flat() };
}

async function sealRules(
  { safeView, at = "", marked, ...rest }: SealRuleData,
  { path, text, pathOf, rulePaths }: RuleContext,
): Promise<readonly SealRule[]> {
  const positionOf = (name: string) => text.positionOf([...path, ...name.split("/")]);
  const terms =
    safeView === undefined ? rest : { ...rest, safeView: safeViewRule(safeView, positionOf) };
  const marks =
    marked === undefined ? [{ at }] : await marksIn(pathOf(marked), positionOf("marked"));
  const rules = marks.map((mark) => ({ ...terms, ...mark }));
  for (const rule of rules) rulePaths.set(rule, path);
  return rules;
}

function safeViewRule(
  { fixed = "", summarizer: name }: OneOf<"fixed" | "summarizer">,
  positionOf: (name: string) => Position,
): SafeViewRule {
  if (name === undefined) return { fixed };
  const summarizer = SUMMARIZERS.get(name);
  if (summarizer !== undefined) return { summarizer };
  throw policyError("there is no summarizer of that name", positionOf("safeView/summarizer"));
}

/** Returns the policy. Its own errors get a position in the file. */
function checkedPolicy(
  options: PolicyOptions,
  text: PolicyText,
  rulePaths: RulePaths,
): AgentPolicy {
  try {
    return new AgentPolicy(options);
  } catch (error) {
    const fault = policyFaultOf(error);
    if (fault === undefined) throw error;
    const path = pathInFile(fault.path, options, rulePaths);
    const { memberName } = fault;
    const position =
      memberName === undefined ? text.positionOf(path) : text.positionOfName(path, memberName);
    throw policyError((error as Error).message, position);
  }
}

/** Returns the path in the file for a path in the options. One rule in the file may give several rules. */
function pathInFile(path: ValuePath, options: PolicyOptions, rulePaths: RulePaths): ValuePath {
  let node: unknown = options;
  let inFile: ValuePath = [];
  for (const name of path) {
    node = (node as Readonly<Record<string | number, unknown>>)[name];
    const known = typeof node === "object" && node !== null ? rulePaths.get(node) : undefined;
    inFile = known ?? [...inFile, name];
  }
  return inFile;
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

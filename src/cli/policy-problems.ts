/** What can be wrong with a policy file, in words, and where. */
import { type CommandError, policyError, type ValuePath } from "./command-error.js";
import type { PolicyData } from "./policy-data.js";
import type { PolicyText } from "./policy-text.js";

/** What a schema finds: the part of zod's issues that is used here. */
export interface SchemaIssue {
  readonly code: string;
  readonly path: ValuePath;
  readonly message: string;
  /** Of members that are unknown. */
  readonly keys?: readonly string[];
  /** Of a value that is none of several kinds: what is wrong with it as each of them. */
  readonly errors?: readonly (readonly SchemaIssue[])[];
}

/** Returns the error of the first thing that is wrong with a policy's form. */
export function issueError(issues: readonly SchemaIssue[], text: PolicyText): CommandError {
  const [first] = issues;
  if (first === undefined) return policyError("it does not have the form of a policy");
  const { path, keys: [unknown] = [], message } = nearest(first);
  if (unknown !== undefined) {
    return policyError(`unknown key ${shown(unknown)}`, text.positionOfName(path, unknown));
  }
  const where = path.map((part) => shown(String(part))).join(" > ");
  return policyError(where === "" ? message : `${where}: ${message}`, text.positionOf(path));
}

/** Of several kinds a value can be of, the one that is meant is the one whose problem lies deepest. */
function nearest(issue: SchemaIssue): SchemaIssue {
  const inner = (issue.errors ?? []).flatMap(([first]) => (first === undefined ? [] : [first]));
  const [deepest] = inner.toSorted((one, other) => other.path.length - one.path.length);
  if (deepest === undefined || deepest.path.length === 0) return issue;
  return { ...deepest, path: [...issue.path, ...deepest.path] };
}

/** Names are shown as names only: what stands in the place of one by mistake may be a secret. */
function shown(name: string): string {
  return /^[\w./-]{1,64}$/.test(name) ? name : "(not a name)";
}

/** Throws where a policy's handles could not be opened by those that it grants them to. */
export function assertReachable({ vault, servers }: PolicyData, text: PolicyText): void {
  if (vault.cache === "memory") assertOwnGrants(servers, text);
  else if (vault.keys === undefined) {
    throw policyError(
      "a cache that outlives the process needs keys: { file: path } or { env: NAME }",
      text.positionOf(["vault", "cache"]),
    );
  }
}

/** What one process keeps in its memory no other can open. */
function assertOwnGrants(servers: PolicyData["servers"], text: PolicyText): void {
  for (const { server, name, path } of grantsOf(servers)) {
    if (name.startsWith(`${server}/`)) continue;
    throw policyError(
      "a grant to another server needs a cache that both share: sqlite, lmdb, redis or valkey",
      text.positionOf(path),
    );
  }
}

interface Grant {
  readonly server: string;
  readonly name: string;
  readonly path: ValuePath;
}

function* grantsOf(servers: PolicyData["servers"]): Generator<Grant> {
  for (const [server, { tools }] of Object.entries(servers)) {
    for (const [tool, { seal = [] }] of Object.entries(tools)) {
      const rules = seal === "none" ? [] : seal;
      for (const [rule, { grant = [] }] of rules.entries()) {
        for (const [item, name] of grant.entries()) {
          const path = ["servers", server, "tools", tool, "seal", rule, "grant", item];
          yield { server, name, path };
        }
      }
    }
  }
}

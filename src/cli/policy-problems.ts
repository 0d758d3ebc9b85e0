/** Describes the errors of a policy file, with their positions. */
import { type CommandError, policyError, type ValuePath } from "./command-error.js";
import type { PolicyData } from "./policy-schema.js";
import type { PolicyText } from "./policy-text.js";

/** The part of zod's issues that is used here. */
export interface SchemaIssue {
  readonly code: string;
  readonly path: ValuePath;
  readonly message: string;
  /** The unknown members, for an issue about them. */
  readonly keys?: readonly string[];
  /** For a value that matches no alternative of a union: the issues for each alternative. */
  readonly errors?: readonly (readonly SchemaIssue[])[];
}

/** Returns the error for the first issue that the schema found. */
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

/**
 * Returns the most helpful issue of a union: that of the alternative whose issue is nested deepest, because
 * that one matches the value best.
 */
function nearest(issue: SchemaIssue): SchemaIssue {
  const inner = (issue.errors ?? []).flatMap(([first]) => (first === undefined ? [] : [first]));
  const [deepest] = inner.toSorted((one, other) => other.path.length - one.path.length);
  if (deepest === undefined || deepest.path.length === 0) return issue;
  return { ...deepest, path: [...issue.path, ...deepest.path] };
}

/**
 * Returns a name for a message, only if it has the form of a name: by mistake a secret may be in its place.
 */
function shown(name: string): string {
  return /^[\w./-]{1,64}$/.test(name) ? name : "(not a name)";
}

/** Throws if the principals that a policy grants handles to could not open them. */
export function assertReachable({ vault, servers }: PolicyData, text: PolicyText): void {
  if (vault.cache === "memory") assertOwnGrants(servers, text);
  else if (vault.keys === undefined) {
    throw policyError(
      "a cache that outlives the process needs keys: { file: path } or { env: NAME }",
      text.positionOf(["vault", "cache"]),
    );
  }
}

/** Throws if a policy with handles in memory grants them to others: another process cannot open them. */
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

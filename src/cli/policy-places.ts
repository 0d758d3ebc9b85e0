/** Where in a policy file that stands which the policy's own errors are about. */
import type { PolicyOptions } from "../mcp/policy-options.js";
import type { ValuePath } from "./command-error.js";

/** The way to the rule in the file that a rule was made from: one in the file may become several. */
export type RulePaths = WeakMap<object, ValuePath>;

/**
 * Returns the way to what a message is about: it begins with the members that lead there, as in
 * `policy.servers.records.tools.lookup.seal[0].at`.
 *
 * A name may have dots in it: what it is, is seen in the policy.
 */
export function pathOfMessage(
  message: string,
  options: PolicyOptions,
  rulePaths: RulePaths,
): ValuePath {
  let rest = message.replace(/^policy/, "");
  let path: ValuePath = [];
  let node: unknown = options;
  for (;;) {
    const step = stepOf(node, rest);
    if (step === undefined) return path;
    rest = rest.slice(step.written.length);
    node = (node as Record<string, unknown>)[step.name];
    const known = typeof node === "object" && node !== null ? rulePaths.get(node) : undefined;
    path = known ?? [...path, step.name];
  }
}

interface Step {
  readonly name: string | number;
  readonly written: string;
}

/** Returns the member that the rest of a message goes on with: the one with the longest name. */
function stepOf(node: unknown, rest: string): Step | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const steps = Array.isArray(node)
    ? [...node.keys()].map((name) => ({ name, written: `[${name}]` }))
    : Object.keys(node).map((name) => ({ name, written: `.${name}` }));
  const fitting = steps.filter(
    ({ written }) => rest.startsWith(written) && /^(?:[.[\s:]|$)/.test(rest.slice(written.length)),
  );
  return fitting.toSorted((one, other) => other.written.length - one.written.length)[0];
}

/** Finds the position in a policy file that a policy error refers to. */
import type { PolicyOptions } from "../mcp/policy/policy-options.js";
import type { ValuePath } from "./command-error.js";

/** The path in the file of each rule's source. One rule in the file may produce several rules. */
export type RulePaths = WeakMap<object, ValuePath>;

/**
 * Returns the path to the value that an error message refers to. The message begins with that path, as in
 * `policy.servers.records.tools.lookup.seal[0].at`.
 *
 * A name may contain dots, so the path is resolved against the members of the policy.
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

/**
 * Returns the member that the rest of a message begins with. If several match, it is the one with the longest
 * name.
 */
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

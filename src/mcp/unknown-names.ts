/** Names of tools and places in a policy that a server does not have: such rules hold for nothing. */
import { formatPointer } from "../primitives/json-pointer.js";
import { editDistance, NearMisses } from "../template/near-misses.js";
import { isObject, type JsonObject } from "./messages.js";
import type { AgentPolicy } from "./policy.js";
import type { ToolRules } from "./policy-rules.js";
import { type MissingPlace, missingPlace } from "./schema-places.js";

/** Returns a sentence for each tool that a policy has rules for and a server does not list. */
export function unknownTools(
  policy: AgentPolicy,
  server: string,
  listed: ReadonlySet<string>,
): readonly string[] {
  const unknown = policy.toolsOf(server).filter((tool) => !listed.has(tool));
  return unknown.map((tool) => {
    const near = nearName(tool, listed);
    const meant = near === undefined ? "" : `: did it mean ${server}/${near}?`;
    return `the policy has rules for the tool ${server}/${tool}, which the server does not list${meant}`;
  });
}

/** Returns the place of the first rule that seals what a tool's output schema does not have. */
export function unknownPlace(tool: JsonObject, { sealing }: ToolRules): string | undefined {
  const schema = tool["outputSchema"];
  if (!isObject(schema)) return undefined;
  for (const { at } of sealing) {
    const missing = missingPlace(schema, at);
    if (missing === undefined) continue;
    return `${formatPointer(at)} cannot be in its output, by its schema${meantPlace(missing)}`;
  }
  return undefined;
}

/** Returns a question for the place that may have been meant; empty where there is none. */
export function meantPlace({ within, token, names }: MissingPlace): string {
  const near = nearName(token, names);
  return near === undefined ? "" : `: did it mean ${formatPointer([...within, near])}?`;
}

/** Names are shown as names only: a server may say anything in the place of one. */
const NAME = /^[\w./-]{1,64}$/;

/** Returns the one name that differs in case and signs alone, or in a third of its letters, up to three. */
export function nearName(name: string, names: Iterable<string>): string | undefined {
  const byLetters = new Map<string, string>();
  for (const one of names) if (NAME.test(one)) byLetters.set(lettersOf(one), one);
  const letters = lettersOf(name);
  const near = byLetters.has(letters)
    ? letters
    : new NearMisses(byLetters.keys()).suggestionFor(letters);
  if (near === undefined || 3 * editDistance(near, letters) > letters.length) return undefined;
  return byLetters.get(near);
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}

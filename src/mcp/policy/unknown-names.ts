/**
 * Finds names of tools and places in a policy that a server does not have. Rules for such names
 * have no effect.
 */
import { formatPointer } from "../../primitives/json-pointer.js";
import { editDistance, NearMisses } from "../../template/forms/near-misses.js";
import { isObject, type JsonObject } from "../protocol/messages.js";
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

/**
 * Returns a problem with the first rule that seals a place which the tool's output schema excludes.
 */
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

/**
 * Returns a question that suggests the intended place, or an empty text if there is no similar
 * name.
 */
export function meantPlace({ within, token, names }: MissingPlace): string {
  const near = nearName(token, names);
  return near === undefined ? "" : `: did it mean ${formatPointer([...within, near])}?`;
}

/** The form of a name that may be shown. A server may put any text in the place of a name. */
const NAME = /^[\w./-]{1,64}$/;

/**
 * Returns the one name that differs only in case and punctuation, or in at most a third of its
 * letters and at most three.
 */
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

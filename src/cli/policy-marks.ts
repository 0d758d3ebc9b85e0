/** Sealing rules for the places that a schema file marks as sensitive. */
import { type MarkedRule, markedRules } from "../mcp/policy/marked-places.js";
import { isObject } from "../mcp/protocol/messages.js";
import { type CommandError, type Position, policyError } from "./command-error.js";
import { readBounded } from "./read-bounded.js";

/**
 * Returns a rule for each place that a JSON schema marks with `"x-sensitive": true`.
 *
 * @param position - The position in the policy where the file is named.
 * @throws CommandError The file cannot be read, or has no usable mark.
 */
export async function marksIn(path: string, position: Position): Promise<readonly MarkedRule[]> {
  const problem = (text: string): CommandError => policyError(`the schema ${text}`, position);
  const read = await readBounded(path);
  if (!read.ok) throw problem(read.problem);
  const rules = rulesOf(read.text, problem);
  if (rules.length === 0) throw problem('marks nothing: "x-sensitive": true is nowhere in it');
  return rules;
}

function rulesOf(text: string, problem: (text: string) => CommandError): readonly MarkedRule[] {
  try {
    const schema: unknown = JSON.parse(text);
    if (isObject(schema)) return markedRules(schema);
  } catch (error) {
    if (error instanceof TypeError)
      throw problem(`has marks that cannot be found: ${error.message}`);
  }
  throw problem("is not a JSON schema");
}

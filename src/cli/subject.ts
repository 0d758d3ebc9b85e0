/** The subject of an agent that uses the proxy over stdio. */
import { checkSubject } from "../mcp/policy/principals.js";
import { policyError, type ValuePath } from "./command-error.js";

const REFERENCE = /\$\{([^}]*)\}/g;
const PLACE: ValuePath = ["subject"];
const NAME = /^[A-Za-z_]\w*$/;

/**
 * Returns the subject that a policy names, after substituting environment variables.
 *
 * @throws CommandError The policy names no subject, or a variable is not set: an agent must never act without
 *   a subject.
 */
export function subjectOf(text: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (text === undefined) {
    throw policyError(
      "subject is missing: say for whom the agent works, or use --listen with auth",
      PLACE,
    );
  }
  const subject = text.replace(REFERENCE, (_, name: string) => variable(name, environment));
  try {
    checkSubject(subject);
  } catch {
    throw policyError("subject must be a text of 1 to 512 characters", PLACE);
  }
  return subject;
}

function variable(name: string, environment: NodeJS.ProcessEnv): string {
  if (!NAME.test(name))
    throw policyError("subject refers to something that is not a variable", PLACE);
  const value = environment[name];
  if (value === undefined || value === "") {
    throw policyError(`subject needs the environment variable ${name}, which is not set`, PLACE);
  }
  return value;
}

/**
 * The library's own texts about bad parameters. Errors of the engine and of the platform have the same
 * classes, and their texts may hold values; a service's answer may hold any text at all.
 *
 * @module
 */
import { OPERATIONS } from "./operations.js";

const MAX_CHARACTERS = 500;

/** In the texts below, # stands for a number. */
const REQUIREMENTS = [
  "be given",
  "be of another kind",
  "be a string",
  "be a number",
  "be a number of seconds",
  "be a whole number",
  "be a whole number from # to #",
  "be a boolean",
  "be an object",
  "be an array",
  "be an array of strings",
  "be a JSON pointer",
  "be a string of base64",
  "be json or base64",
  "be well-formed Unicode",
  "be from # to # seconds",
  "have or be at most #",
  "have or be at least #",
  "have at most # characters",
  "have at most # bytes of UTF-8",
  "have at most # values",
  "have no other members",
  "name at most # principals",
  "name at most # places",
  "not be empty",
  "not contain control characters",
  "not have bytes where a request leaves jsonrpc out",
  "be plain on XML-RPC: send dates as text and other classes as plain objects",
  "have at most # nested levels on XML-RPC",
  "have at most # values on XML-RPC: send bytes instead",
  "have at most # carriage returns on XML-RPC: send bytes instead",
  "not have NaN or infinities on XML-RPC",
  "not have undefined, big integers, symbols or functions on XML-RPC",
  "not have control characters or lone surrogates on XML-RPC: send bytes instead",
  "not have dateTime.iso8601: send the date as text with its time zone",
];

/** Why a serializer refuses a value. */
const REASONS = [
  "undefined",
  "-0",
  "a number that is not finite",
  "a big integer",
  "a function",
  "a symbol",
  "an instance of a class",
  "an array with holes",
  "an object with a member __proto__",
  "an object with a member name that is not well-formed Unicode",
  "text that is not well-formed Unicode",
];

const NAMES = namesOf([
  ...Object.values(OPERATIONS).flatMap(({ positions }) => positions),
  ...["params", "options", "allow", "data_encoding", "token"],
]);
const PLACE = `(?:${NAMES})(?:\\.(?:${NAMES})|\\[\\d{1,9}\\])*`;
const PAYLOAD_PLACE =
  "data(?:\\.[A-Za-z_$][\\w$]{0,39}|\\.\\((?:member|key) \\d{1,9}\\)|\\[\\d{1,10}\\])*";
const TEXTS: readonly RegExp[] = [
  new RegExp(`^${PLACE} must (?:${REQUIREMENTS.map(patternOf).join("|")})$`),
  new RegExp(`^${PAYLOAD_PLACE} is (?:${REASONS.join("|")}): the serializer cannot carry it$`),
  new RegExp(`^${PAYLOAD_PLACE} (?:contains itself|is nested more than \\d{1,6} levels deep)$`),
  /^data has too many values, or one far in that cannot be carried$/,
  /^a handle has at most \d{1,6} grants$/,
];

/** Returns whether a text is one that the library itself writes about a bad parameter. */
export function isParameterText(text: string): boolean {
  return text.length <= MAX_CHARACTERS && TEXTS.some((pattern) => pattern.test(text));
}

/** Names on the wires, and the same in process: `owner_principal` and `ownerPrincipal`. */
function namesOf(names: readonly string[]): string {
  const inProcess = names.map((name) =>
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
  return [...new Set([...names, ...inProcess])].join("|");
}

function patternOf(requirement: string): string {
  return requirement.replaceAll(".", "\\.").replaceAll("#", "-?\\d[\\d.e+]{0,20}");
}

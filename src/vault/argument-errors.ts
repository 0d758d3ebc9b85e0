/**
 * Errors about arguments: which place of the arguments broke which rule. Their texts are made of that, in
 * process and, since place and rule cross every wire as data, at the client of a service. An error of the
 * engine has the same classes, and its text may hold a value: it has no place and no rule.
 */

/** The rules, with what an error says of each. `#` stands for a bound. */
const RULES = {
  required: "must be given",
  type: "must be of another kind",
  string: "must be a string",
  number: "must be a number",
  seconds: "must be a number of seconds",
  integer: "must be a whole number",
  integerWithin: "must be a whole number from # to #",
  boolean: "must be a boolean",
  object: "must be an object",
  array: "must be an array",
  strings: "must be an array of strings",
  handle: "must be a handle or the id of one",
  operation: "must be one of the service's",
  pointer: "must be a JSON pointer",
  base64: "must be a string of base64",
  encoding: "must be json or base64",
  wellFormed: "must be well-formed Unicode",
  notEmpty: "must not be empty",
  noControlCharacters: "must not contain control characters",
  secondsWithin: "must be from # to # seconds",
  atMost: "must have or be at most #",
  atLeast: "must have or be at least #",
  maxCharacters: "must have at most # characters",
  maxBytes: "must have at most # bytes of UTF-8",
  maxValues: "must have at most # values",
  maxGrants: "must have at most # grants",
  maxPrincipals: "must name at most # principals",
  maxPlaces: "must name at most # places",
  maxDepth: "must not nest more than # levels deep",
  noOtherMembers: "must have no other members",
  noMemberTwice: "must not have a member twice",
  safeIntegers: "must not have an integer beyond 2^53",
  doubles: "must not have a number larger than a double can be",
  bareBytes: "must not have bytes where a request leaves jsonrpc out",
  xmlPlain: "must be plain on XML-RPC: send dates as text and other classes as plain objects",
  xmlDepth: "must have at most # nested levels on XML-RPC",
  xmlValues: "must have at most # values on XML-RPC: send bytes instead",
  xmlCarriageReturns: "must have at most # carriage returns on XML-RPC: send bytes instead",
  xmlFinite: "must not have NaN or infinities on XML-RPC",
  xmlTypes: "must not have undefined, big integers, symbols or functions on XML-RPC",
  xmlCharacters:
    "must not have control characters or lone surrogates on XML-RPC: send bytes instead",
  xmlDates: "must not have dateTime.iso8601: send the date as text with its time zone",
  undefinedValue: "is undefined: the serializer cannot carry it",
  negativeZero: "is -0: the serializer cannot carry it",
  notFinite: "is a number that is not finite: the serializer cannot carry it",
  bigInteger: "is a big integer: the serializer cannot carry it",
  function: "is a function: the serializer cannot carry it",
  symbol: "is a symbol: the serializer cannot carry it",
  classInstance: "is an instance of a class: the serializer cannot carry it",
  holes: "is an array with holes: the serializer cannot carry it",
  protoMember: "is an object with a member __proto__: the serializer cannot carry it",
  malformedName:
    "is an object with a member name that is not well-formed Unicode: the serializer cannot carry it",
  malformedText: "is text that is not well-formed Unicode: the serializer cannot carry it",
  cycle: "contains itself",
  nesting: "is nested more than # levels deep",
  unserializable: "has too many values, or one far in that cannot be carried",
};

/** A rule for arguments. */
export type ArgumentRule = keyof typeof RULES;

/** Which place of the arguments broke which rule. */
export interface ArgumentFault {
  /** Names of parameters and members, and places in lists: `grantedPrincipals[1]`. Never a value. */
  readonly place: string;
  readonly rule: ArgumentRule;
  /** The bounds in the rule's text, in their order. */
  readonly bounds: readonly number[];
}

const FAULT = Symbol.for("handlevault.argumentFault");
const MAX_PLACE_CHARACTERS = 200;
const STEP = String.raw`(?:\.[A-Za-z_$][\w$]{0,39}|\.\((?:member|key) \d{1,9}\)|\[\d{1,10}\])`;
const PLACE = new RegExp(String.raw`^[A-Za-z_$][\w$]{0,39}${STEP}*$`);

/** Returns the error for an argument of the wrong kind. */
export function typeFault(
  place: string,
  rule: ArgumentRule,
  ...bounds: readonly number[]
): TypeError {
  return withFault(TypeError, { place, rule, bounds });
}

/** Returns the error for an argument of the right kind that is out of its bounds. */
export function rangeFault(
  place: string,
  rule: ArgumentRule,
  ...bounds: readonly number[]
): RangeError {
  return withFault(RangeError, { place, rule, bounds });
}

/** Returns the rule that an error says was broken; `undefined` for other errors. */
export function argumentFaultOf(error: unknown): ArgumentFault | undefined {
  return typeof error === "object" && error !== null
    ? readArgumentFault((error as { readonly [FAULT]?: unknown })[FAULT])
    : undefined;
}

/** Returns `value` if it is a fault as another process may have sent it, else `undefined`. */
export function readArgumentFault(value: unknown): ArgumentFault | undefined {
  const {
    place,
    rule,
    bounds = [],
  } = Object(value) as Partial<Record<keyof ArgumentFault, unknown>>;
  if (typeof place !== "string" || place.length > MAX_PLACE_CHARACTERS) return undefined;
  if (!PLACE.test(place) || !isRule(rule) || !Array.isArray(bounds)) return undefined;
  const needed = RULES[rule].split("#").length - 1;
  const given: readonly unknown[] = bounds;
  if (given.length !== needed || !given.every((bound) => typeof bound === "number")) {
    return undefined;
  }
  return { place, rule, bounds: given as readonly number[] };
}

function isRule(rule: unknown): rule is ArgumentRule {
  return typeof rule === "string" && Object.hasOwn(RULES, rule);
}

function withFault<Fault extends Error>(
  Class: new (message: string) => Fault,
  fault: ArgumentFault,
): Fault {
  const bounds = [...fault.bounds];
  const text = RULES[fault.rule].replaceAll("#", () => String(bounds.shift()));
  return Object.defineProperty(new Class(`${fault.place} ${text}`), FAULT, { value: fault });
}

/** Checks the rules of a policy and returns them in the form that the filter uses. */
import { type JsonPointer, parsePointer } from "../../primitives/json-pointer.js";
import { checkBoolean, checkTtlSeconds, MAX_USES } from "../../vault/checks.js";
import {
  type Check,
  callable,
  integerWithin,
  type OptionsTable,
  optional,
  required,
  type WithDefaults,
} from "../../vault/options.js";
import { assertDisjoint } from "./pointer-patterns.js";
import type {
  ArgumentFormat,
  Detector,
  DetectRule,
  ErrorHandling,
  HydrateRule,
  LeftoverHandling,
  PolicyDefaults,
  SealRule,
  SealTerms,
  TextHandling,
  ToolPolicy,
} from "./policy-options.js";
import { PolicyPlace } from "./policy-place.js";
import { parseGrant, type ToolName } from "./principals.js";
import { checkSafeViewRule, type SafeViewWriter, safeViewWriter } from "./safe-views.js";

/** The checked terms on which a rule seals. */
export interface SealingTerms {
  /** The name of the rule within its policy. */
  readonly name: string;
  readonly safeView: SafeViewWriter;
  readonly grants: readonly ToolName[];
  readonly ttlSeconds: number;
  readonly maxUses: number | undefined;
}

/** A place that is sealed. */
export interface SealingRule extends SealingTerms {
  readonly at: JsonPointer;
  readonly isOptional: boolean;
}

/** A rule that seals the places that a detector finds. */
export interface DetectingRule extends SealingTerms {
  readonly detect: Detector;
}

/** A place of the arguments where handles are opened. */
export interface HydratingRule {
  readonly at: JsonPointer;
  readonly isInside: boolean;
  /** `undefined`: the format is detected from the text. */
  readonly format: ArgumentFormat | undefined;
  readonly leftover: LeftoverHandling;
}

/** The checked rules for one tool. */
export interface ToolRules {
  /** `pass`: the tool's messages are unchanged. `refuse`: the tool is not called. */
  readonly handling: "rules" | "pass" | "refuse";
  /** The places to seal. */
  readonly sealing: readonly SealingRule[];
  readonly detecting: readonly DetectingRule[];
  /** The terms for data that no rule covers. */
  readonly rest: SealingTerms;
  /** The only places that stay visible; `undefined`: all places that no rule seals. */
  readonly show: readonly JsonPointer[] | undefined;
  readonly hydrating: readonly HydratingRule[];
  readonly errors: ErrorHandling | "pass";
  readonly texts: TextHandling;
  readonly description: string | undefined;
}

/**
 * Returns whether any part of a tool's result is sealed. If not, the result stays visible, except
 * for opened values that it repeats.
 */
export function isSealing({ sealing, detecting, show }: ToolRules): boolean {
  return sealing.length + detecting.length > 0 || show !== undefined;
}

/** Returns the terms of all rules that seal a tool's result. */
export function termsOf({ sealing, detecting, rest, show }: ToolRules): readonly SealingTerms[] {
  const terms = [...sealing, ...detecting];
  return show === undefined ? terms : [...terms, rest];
}

/** The formats of texts in arguments. */
export const ARGUMENT_FORMATS: readonly ArgumentFormat[] = ["text", "json", "url", "shell", "sql"];

const textHandling = choice<TextHandling>("fixed", "pass");

const DEFAULTS: OptionsTable<WithDefaults<PolicyDefaults, Exclude<keyof PolicyDefaults, "texts">>> =
  {
    unlisted: optional(choice("seal", "pass", "refuse"), "seal"),
    unknownNames: optional(choice("warn", "refuse"), "warn"),
    errors: optional(choice("seal", "fixed"), "seal"),
    texts: optional(textHandling),
    resourceLinks: optional(checkBoolean, false),
  };

const TOOL: OptionsTable<WithDefaults<ToolPolicy, "seal" | "hydrate">> = {
  seal: optional(checkSeal, []),
  show: optional(checkArray<string>),
  hydrate: optional(checkArray<HydrateRule>, []),
  errors: optional(choice("seal", "fixed", "pass")),
  texts: optional(textHandling),
  description: optional(checkText),
};

const TERMS: OptionsTable<WithDefaults<SealTerms, "grant">> = {
  safeView: optional(checkSafeViewRule),
  grant: optional(checkArray<string>, []),
  ttlSeconds: optional(checkTtlSeconds),
  maxUses: optional(integerWithin(1, MAX_USES)),
};

const SEAL_RULE: OptionsTable<
  ReadTerms & { readonly at: JsonPointer; readonly optional: boolean }
> = {
  ...TERMS,
  at: readPointer,
  optional: optional(checkBoolean, false),
};

const DETECT_RULE: OptionsTable<ReadTerms & Pick<DetectRule, "detect">> = {
  ...TERMS,
  detect: required(callable<Detector>()),
};

const HYDRATE_RULE: OptionsTable<
  Pick<WithDefaults<HydrateRule, "inside" | "leftover">, "inside" | "format" | "leftover"> & {
    readonly at: JsonPointer;
  }
> = {
  at: readPointer,
  inside: optional(checkBoolean, false),
  format: optional(choice(...ARGUMENT_FORMATS)),
  leftover: optional(choice<LeftoverHandling>("refuse", "pass"), "refuse"),
};

type ReadTerms = WithDefaults<SealTerms, "grant">;

/** The defaults of a policy, and the rules for tools without a rule. */
export interface ReadDefaults
  extends Pick<
    WithDefaults<PolicyDefaults, keyof PolicyDefaults>,
    "resourceLinks" | "unknownNames"
  > {
  readonly rules: ToolRules;
}

/** Reads the defaults of a policy. */
export function readDefaults(given: PolicyDefaults, ttlSeconds: number): ReadDefaults {
  const place = new PolicyPlace().at("defaults");
  const { unlisted, unknownNames, errors, resourceLinks, ...defaults } = place.read(
    given,
    DEFAULTS,
  );
  const rest: SealingTerms = {
    name: "unlisted",
    safeView: safeViewWriter(undefined),
    grants: [],
    ttlSeconds,
    maxUses: undefined,
  };
  const rules: ToolRules = {
    handling: unlisted === "seal" ? "rules" : unlisted,
    sealing: [wholeRule(rest)],
    detecting: [],
    rest,
    show: undefined,
    hydrating: [],
    errors,
    texts: defaults.texts ?? (unlisted === "pass" ? "pass" : "fixed"),
    description: undefined,
  };
  return { rules, resourceLinks, unknownNames };
}

/** Reads the policy for one tool. */
export function readTool(given: ToolPolicy, place: PolicyPlace, unlisted: ToolRules): ToolRules {
  const { seal, show, hydrate, description, ...tool } = place.read(given, TOOL);
  const { errors = unlisted.errors, texts = unlisted.texts } = tool;
  if (errors === "pass" && seal !== "none") {
    throw place.at("errors").rangeError('can be "pass" only where seal is "none"');
  }
  const hydrating = readHydrate(hydrate, place.at("hydrate"));
  const others = { handling: "rules", errors, texts, description, hydrating } as const;
  const rest = { ...unlisted.rest, name: `${place} rest` };
  if (seal !== "none") return { ...readSealing(seal, { show, place, rest }), ...others };
  if (show !== undefined) throw place.at("show").rangeError("needs something to be sealed");
  return { sealing: [], detecting: [], rest, show: undefined, ...others };
}

/** Returns the rule that seals the whole result. */
function wholeRule(terms: SealingTerms): SealingRule {
  return { ...terms, at: [], isOptional: false };
}

interface SealingContext {
  readonly show: readonly string[] | undefined;
  readonly place: PolicyPlace;
  readonly rest: SealingTerms;
}

function readSealing(
  seal: readonly (SealRule | DetectRule)[],
  { show, place, rest }: SealingContext,
): Pick<ToolRules, "sealing" | "detecting" | "rest" | "show"> {
  const rules = seal.map((rule, index) => readRule(rule, place.at("seal").at(index), rest));
  const detecting = rules.filter((rule) => "detect" in rule);
  const placed = rules.filter((rule) => "at" in rule);
  const disjoint = (some: readonly SealingRule[]) => {
    place.at("seal").check((where) => assertDisjoint(some, where));
    return some;
  };
  if (show === undefined) {
    const sealing = rules.length === 0 ? [wholeRule(rest)] : placed;
    return { sealing: disjoint(sealing), detecting, rest, show: undefined };
  }
  const shown = show.map((at, index) =>
    place
      .at("show")
      .at(index)
      .check((where) => readPointer(at, where)),
  );
  const sealing = disjoint(placed.filter(({ at }) => at.length > 0));
  const whole = placed.find(({ at }) => at.length === 0);
  return { sealing, detecting, rest: whole ?? rest, show: shown };
}

function readRule(
  rule: SealRule | DetectRule,
  place: PolicyPlace,
  rest: SealingTerms,
): SealingRule | DetectingRule {
  if (typeof rule === "object" && rule !== null && "detect" in rule) {
    const { detect, ...terms } = place.read(rule, DETECT_RULE);
    return { ...termsFrom(terms, place, rest), detect };
  }
  const { at, optional: isOptional, ...terms } = place.read(rule, SEAL_RULE);
  return { ...termsFrom(terms, place, rest), at, isOptional };
}

function termsFrom(terms: ReadTerms, place: PolicyPlace, rest: SealingTerms): SealingTerms {
  const { grant, ttlSeconds = rest.ttlSeconds, maxUses, safeView } = terms;
  const grants = grant.map((name, index) =>
    place
      .at("grant")
      .at(index)
      .check((where) => parseGrant(name, where)),
  );
  return { name: String(place), safeView: safeViewWriter(safeView), grants, ttlSeconds, maxUses };
}

function readHydrate(rules: readonly HydrateRule[], place: PolicyPlace): readonly HydratingRule[] {
  const hydrating = rules.map((rule, index) => {
    const { at, inside, format, leftover } = place.at(index).read(rule, HYDRATE_RULE);
    if (format !== undefined && !inside) {
      throw place.at(index).at("format").rangeError("needs inside: true");
    }
    // The protocol requires the arguments as a whole to be an object, so no handle can replace them.
    if (at.length === 0) throw place.at(index).at("at").rangeError("must name an argument");
    return { at, isInside: inside, format, leftover };
  });
  place.check((where) => assertDisjoint(hydrating, where));
  return hydrating;
}

function readPointer(text: unknown, where: string): JsonPointer {
  if (typeof text !== "string") throw new TypeError(`${where} must be a JSON pointer`);
  try {
    return parsePointer(text);
  } catch {
    throw new RangeError(`${where} must be a JSON pointer: "" or "/member/*"`);
  }
}

function choice<T extends string>(...choices: readonly T[]): Check<T> {
  return (value, where) => {
    if (choices.some((each) => each === value)) return;
    throw new RangeError(`${where} must be one of ${choices.join(", ")}`);
  };
}

function checkArray<T>(value: unknown, where: string): asserts value is readonly T[] {
  if (!Array.isArray(value)) throw new TypeError(`${where} must be an array`);
}

function checkSeal(
  value: unknown,
  where: string,
): asserts value is "none" | readonly (SealRule | DetectRule)[] {
  if (value !== "none" && !Array.isArray(value)) {
    throw new TypeError(`${where} must be an array or "none"`);
  }
}

function checkText(value: unknown, where: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${where} must be a string`);
}

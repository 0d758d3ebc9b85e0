/** Checks the rules of a policy and returns them in the form that the filter uses. */
import { type JsonPointer, parsePointer } from "../../primitives/json-pointer.js";
import {
  checkBoolean,
  checkInteger,
  checkOptions,
  checkTtlSeconds,
  MAX_USES,
} from "../../vault/checks.js";
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
  TextHandling,
  ToolPolicy,
} from "./policy-options.js";
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

const DEFAULTS_OPTIONS: ReadonlySet<string> = new Set([
  "unlisted",
  "unknownNames",
  "errors",
  "texts",
  "resourceLinks",
]);
const TOOL_OPTIONS: ReadonlySet<string> = new Set([
  "seal",
  "show",
  "hydrate",
  "errors",
  "texts",
  "description",
]);
const SEAL_TERMS = ["safeView", "grant", "ttlSeconds", "maxUses"] as const;
const SEAL_RULE_OPTIONS: ReadonlySet<string> = new Set(["at", "optional", ...SEAL_TERMS]);
const DETECT_RULE_OPTIONS: ReadonlySet<string> = new Set(["detect", ...SEAL_TERMS]);
const HYDRATE_RULE_OPTIONS: ReadonlySet<string> = new Set(["at", "inside", "format", "leftover"]);
/** The formats of texts in arguments. */
export const ARGUMENT_FORMATS: readonly ArgumentFormat[] = ["text", "json", "url", "shell", "sql"];

/** Checks the defaults and returns the rules for tools without a rule. */
export function checkDefaults(defaults: PolicyDefaults, ttlSeconds: number): ToolRules {
  checkOptions(defaults, "policy.defaults", DEFAULTS_OPTIONS);
  const { unlisted = "seal", unknownNames = "warn", errors = "seal" } = defaults;
  checkChoice(unknownNames, "policy.defaults.unknownNames", ["warn", "refuse"]);
  checkChoice(unlisted, "policy.defaults.unlisted", ["seal", "pass", "refuse"]);
  checkChoice(errors, "policy.defaults.errors", ["seal", "fixed"]);
  const { texts = unlisted === "pass" ? "pass" : "fixed" } = defaults;
  checkChoice(texts, "policy.defaults.texts", ["fixed", "pass"]);
  const rest: SealingTerms = {
    name: "unlisted",
    safeView: safeViewWriter(undefined),
    grants: [],
    ttlSeconds,
    maxUses: undefined,
  };
  return {
    handling: unlisted === "seal" ? "rules" : unlisted,
    sealing: [wholeRule(rest)],
    detecting: [],
    rest,
    show: undefined,
    hydrating: [],
    errors,
    texts,
    description: undefined,
  };
}

/** Checks the policy for one tool and returns its rules. */
export function checkTool(given: ToolPolicy, where: string, unlisted: ToolRules): ToolRules {
  checkOptions(given, where, TOOL_OPTIONS);
  const { seal = [], show, hydrate = [], description } = given;
  const { errors = unlisted.errors, texts = unlisted.texts } = given;
  checkChoice(errors, `${where}.errors`, ["seal", "fixed", "pass"]);
  checkChoice(texts, `${where}.texts`, ["fixed", "pass"]);
  if (description !== undefined && typeof description !== "string") {
    throw new TypeError(`${where}.description must be a string`);
  }
  if (errors === "pass" && seal !== "none") {
    throw new RangeError(`${where}.errors can be "pass" only where seal is "none"`);
  }
  const others = { errors, texts, description, hydrating: checkHydrate(hydrate, where) };
  const rest = { ...unlisted.rest, name: `${where} rest` };
  if (seal === "none") {
    if (show !== undefined) throw new RangeError(`${where}.show needs something to be sealed`);
    return { handling: "rules", sealing: [], detecting: [], rest, show, ...others };
  }
  return { handling: "rules", ...checkSealing(seal, { show, where, rest }), ...others };
}

/** Returns the rule that seals the whole result. */
function wholeRule(terms: SealingTerms): SealingRule {
  return { ...terms, at: [], isOptional: false };
}

interface SealingContext {
  readonly show: readonly string[] | undefined;
  readonly where: string;
  readonly rest: SealingTerms;
}

function checkSealing(
  seal: readonly (SealRule | DetectRule)[],
  { show, where, rest }: SealingContext,
): Pick<ToolRules, "sealing" | "detecting" | "rest" | "show"> {
  checkArray(seal, `${where}.seal`, '"none"');
  const rules = seal.map((rule, index) => checkRule(rule, `${where}.seal[${index}]`, rest));
  const detecting = rules.filter((rule) => "detect" in rule);
  const placed = rules.filter((rule) => "at" in rule);
  if (show === undefined) {
    const sealing = rules.length === 0 ? [wholeRule(rest)] : placed;
    assertDisjoint(sealing, `${where}.seal`);
    return { sealing, detecting, rest, show: undefined };
  }
  checkArray(show, `${where}.show`);
  const shown = show.map((at, index) => checkPointer(at, `${where}.show[${index}]`));
  const sealing = placed.filter(({ at }) => at.length > 0);
  assertDisjoint(sealing, `${where}.seal`);
  const whole = placed.find(({ at }) => at.length === 0);
  return { sealing, detecting, rest: whole ?? rest, show: shown };
}

function checkRule(
  rule: SealRule | DetectRule,
  where: string,
  rest: SealingTerms,
): SealingRule | DetectingRule {
  if (typeof rule === "object" && rule !== null && "detect" in rule) {
    checkOptions(rule, where, DETECT_RULE_OPTIONS);
    if (typeof rule.detect !== "function")
      throw new TypeError(`${where}.detect must be a function`);
    return { ...checkTerms(rule, where, rest), detect: rule.detect };
  }
  checkOptions(rule, where, SEAL_RULE_OPTIONS);
  const { optional = false } = rule;
  checkBoolean(optional, `${where}.optional`);
  const at = checkPointer(rule.at, `${where}.at`);
  return { ...checkTerms(rule, where, rest), at, isOptional: optional };
}

function checkTerms(rule: SealRule | DetectRule, where: string, rest: SealingTerms): SealingTerms {
  const { grant = [], ttlSeconds = rest.ttlSeconds, maxUses } = rule;
  checkSafeViewRule(rule.safeView, `${where}.safeView`);
  checkArray(grant, `${where}.grant`);
  checkTtlSeconds(ttlSeconds, `${where}.ttlSeconds`);
  if (maxUses !== undefined) checkInteger(maxUses, `${where}.maxUses`, { min: 1, max: MAX_USES });
  return {
    name: where,
    safeView: safeViewWriter(rule.safeView),
    grants: grant.map((name, index) => parseGrant(name, `${where}.grant[${index}]`)),
    ttlSeconds,
    maxUses,
  };
}

function checkHydrate(rules: readonly HydrateRule[], where: string): readonly HydratingRule[] {
  checkArray(rules, `${where}.hydrate`);
  const hydrating = rules.map((rule, index) => {
    const place = `${where}.hydrate[${index}]`;
    checkOptions(rule, place, HYDRATE_RULE_OPTIONS);
    const { inside = false, format, leftover = "refuse" } = rule;
    checkBoolean(inside, `${place}.inside`);
    checkChoice(leftover, `${place}.leftover`, ["refuse", "pass"]);
    if (format !== undefined) {
      checkChoice(format, `${place}.format`, ARGUMENT_FORMATS);
      if (!inside) throw new RangeError(`${place}.format needs inside: true`);
    }
    const at = checkPointer(rule.at, `${place}.at`);
    // The protocol requires the arguments as a whole to be an object, so no handle can replace
    // them.
    if (at.length === 0) throw new RangeError(`${place}.at must name an argument`);
    return { at, isInside: inside, format, leftover };
  });
  assertDisjoint(hydrating, `${where}.hydrate`);
  return hydrating;
}

function checkPointer(text: unknown, where: string): JsonPointer {
  if (typeof text !== "string") throw new TypeError(`${where} must be a JSON pointer`);
  try {
    return parsePointer(text);
  } catch {
    throw new RangeError(`${where} must be a JSON pointer: "" or "/member/*"`);
  }
}

function checkChoice(value: unknown, where: string, choices: readonly string[]): void {
  if (choices.some((choice) => choice === value)) return;
  throw new RangeError(`${where} must be one of ${choices.join(", ")}`);
}

function checkArray(value: unknown, where: string, or?: string): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${where} must be an array${or === undefined ? "" : ` or ${or}`}`);
  }
}

/** Throws unless `value` is an object with members. */
export function checkRecord(value: unknown, where: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${where} must be an object`);
  }
}

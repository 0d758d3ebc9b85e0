/** Puts handles where a policy's rules say, into a copy of a tool's value. */
import {
  formatPointer,
  type JsonPointer,
  type PointerPattern,
  parsePointer,
  placesOf,
  valueAt,
} from "../primitives/json-pointer.js";
import type { Echoes } from "./echoes.js";
import { type HandleForm, PREFIX } from "./handle-form.js";
import { isObject } from "./messages.js";
import { below, isCovered } from "./pointer-patterns.js";
import type { DetectingRule, SealingRule, SealingTerms, ToolRules } from "./policy-rules.js";
import type { ToolValue } from "./tool-result.js";

/** A value that is to be sealed, on which terms, and where it was. */
export interface PlaceToSeal {
  readonly at: JsonPointer;
  readonly terms: SealingTerms;
  readonly value: unknown;
}

/** What is sealed of a value, and what stays in sight. */
export interface SealingPlan {
  readonly places: readonly PlaceToSeal[];
  /** The only places in sight; `undefined`: all that is not sealed. */
  readonly show: readonly PointerPattern[] | undefined;
}

/** The most handles of one result: one with more places is sealed whole. */
const MAX_PLACES = 1000;

/**
 * Plans the sealing of a value: of the whole, where a place that must be there is missing, or where it
 * is no data that a pointer could be about.
 */
export async function planSealing(
  { value, isData }: Pick<ToolValue, "value" | "isData">,
  rules: ToolRules,
): Promise<SealingPlan> {
  const whole: PlaceToSeal = { at: [], terms: rules.rest, value };
  const found: PlaceToSeal[] = [];
  for (const rule of [...rules.sealing, ...rules.detecting]) {
    const isAbout = isData || "detect" in rule || rule.at.length === 0;
    const pointers = isAbout ? await pointersOf(value, rule) : undefined;
    const isTooMuch = pointers === undefined || found.length + pointers.length > MAX_PLACES;
    if (isTooMuch) return { places: [whole], show: undefined };
    for (const at of pointers) found.push({ at, terms: rule, value: valueAt(value, at)?.value });
  }
  const all = found.find(({ at }) => at.length === 0);
  if (all !== undefined) return { places: [all], show: undefined };
  const places = rules.detecting.length === 0 ? found : outermost(found);
  return { places: rules.show === undefined ? places : [whole, ...places], show: rules.show };
}

/** Returns what a rule seals of a value; `undefined` where the value is not what the rule expects. */
async function pointersOf(
  value: unknown,
  rule: SealingRule | DetectingRule,
): Promise<readonly JsonPointer[] | undefined> {
  if (!("detect" in rule)) {
    return isCovered(value, rule.at, rule.isOptional) ? [...placesOf(value, rule.at)] : undefined;
  }
  const pointers = [...(await rule.detect(value))].map(parsePointer);
  return pointers.every((at) => valueAt(value, at) !== undefined) ? pointers : undefined;
}

/** What lies within another place is sealed with it; of the same place, the first rule counts. */
function outermost(places: readonly PlaceToSeal[]): PlaceToSeal[] {
  const kept = new Set<string>();
  const ordered = places.toSorted((one, other) => one.at.length - other.at.length);
  return ordered.filter(({ at }) => {
    const around = at.map((_, depth) => formatPointer(at.slice(0, depth + 1)));
    if (around.some((pointer) => kept.has(pointer))) return false;
    kept.add(formatPointer(at));
    return true;
  });
}

/** The member that holds the handle of all that is neither shown nor sealed by a rule of its own. */
const REST_MEMBER = `${PREFIX}rest`;

/** A place, and the handle that stands there now. */
export interface SealedPlace {
  readonly at: JsonPointer;
  readonly form: HandleForm;
}

/** What a result shows of a value: handles, and what stays in sight without echoes. */
export interface ValueInSight extends Pick<SealingPlan, "show"> {
  readonly sealed: readonly SealedPlace[];
  /** What must not be shown again; handles are put around it and never searched. */
  readonly echoes: Echoes;
}

/** Returns a copy of `value` with handles in their places and, with `show`, little else. */
export function withHandles(value: unknown, { sealed, show, echoes }: ValueInSight): unknown {
  const whole = sealed.find(({ at }) => at.length === 0)?.form;
  const parts = sealed.filter(({ at }) => at.length > 0);
  if (whole === undefined) return copyWith(value, { branch: treeOf(parts), echoes });
  if (show === undefined || !isObject(value)) return whole;
  const patterns = [...show, ...parts.map(({ at }) => at)];
  const inSight = pickFrom(value, { branch: treeOf(parts), echoes }, patterns);
  return { ...(inSight as object), [REST_MEMBER]: whole };
}

/** The handles of a value, by the members and items that lead to them. */
interface Branch {
  readonly members: Map<string, Branch>;
  form?: HandleForm;
}

function treeOf(sealed: readonly SealedPlace[]): Branch {
  const root: Branch = { members: new Map() };
  for (const { at, form } of sealed) {
    let branch = root;
    for (const token of at) {
      const next = branch.members.get(token) ?? { members: new Map() };
      branch.members.set(token, next);
      branch = next;
    }
    branch.form = form;
  }
  return root;
}

/** What becomes of a part of a value. */
interface PartInSight {
  /** The handles within it; `undefined`: none. */
  readonly branch: Branch | undefined;
  readonly echoes: Echoes;
}

function copyWith(value: unknown, part: PartInSight): unknown {
  const { branch, echoes } = part;
  if (branch === undefined) return echoes.suppressIn(value);
  if (branch.form !== undefined) return branch.form;
  return mapMembers(value, echoes, (member, token) => ({
    value: copyWith(member, memberOf(part, token)),
  }));
}

/** Copies only what patterns lead to. */
function pickFrom(value: unknown, part: PartInSight, patterns: readonly PointerPattern[]): unknown {
  const { branch, echoes } = part;
  if (branch?.form !== undefined) return branch.form;
  if (patterns.some(({ length }) => length === 0)) return copyWith(value, part);
  return mapMembers(value, echoes, (member, token) => {
    const rest = below(patterns, token);
    const isThere = rest.some(({ length }) => length === 0);
    if (!isThere && (rest.length === 0 || !isContainer(member))) return undefined;
    return { value: pickFrom(member, memberOf(part, token), rest) };
  });
}

function memberOf({ branch, echoes }: PartInSight, token: string): PartInSight {
  return { branch: branch?.members.get(token), echoes };
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

type MapMember = (member: unknown, token: string) => { readonly value: unknown } | undefined;

/** Returns a container of the members that `map` keeps; any other value without echoes. */
function mapMembers(value: unknown, echoes: Echoes, map: MapMember): unknown {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const kept = map(item, String(index));
      return kept === undefined ? [] : [kept.value];
    });
  }
  if (!isObject(value)) return echoes.suppressIn(value);
  const names = echoes.suppressInNames(Object.keys(value));
  const kept = Object.entries(value).flatMap(([name, member], at) => {
    const mapped = map(member, name);
    return mapped === undefined ? [] : [[names[at], mapped.value] as const];
  });
  return Object.fromEntries(kept);
}

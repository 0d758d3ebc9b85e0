/** Inserts handles into a copy of a tool's value, at the places of a policy's rules. */
import {
  formatPointer,
  type JsonPointer,
  type PointerPattern,
  parsePointer,
  placesOf,
  valueAt,
} from "../../primitives/json-pointer.js";
import { below, isCovered } from "../policy/pointer-patterns.js";
import type {
  DetectingRule,
  SealingRule,
  SealingTerms,
  ToolRules,
} from "../policy/policy-rules.js";
import { isObject } from "../protocol/messages.js";
import type { Echoes } from "./echoes.js";
import { type HandleForm, PREFIX } from "./handle-form.js";
import type { ToolValue } from "./tool-result.js";

/** A value to seal, with its place and the terms. */
export interface PlaceToSeal {
  readonly at: JsonPointer;
  readonly terms: SealingTerms;
  readonly value: unknown;
}

/** The places of a value to seal, and the places that stay visible. */
export interface SealingPlan {
  readonly places: readonly PlaceToSeal[];
  /** The only visible places; `undefined`: all places that are not sealed. */
  readonly show: readonly PointerPattern[] | undefined;
}

/** The maximum number of handles in one result. A result with more places is sealed whole. */
const MAX_PLACES = 1000;

/**
 * Returns the places of a value to seal. The value is sealed whole if a required place is missing,
 * or if it is not data to which pointers apply.
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

/**
 * Returns the places that a rule seals, or `undefined` if the value does not have the shape that
 * the rule expects.
 */
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

/**
 * Returns the places that do not lie within another one, because an outer place is sealed with
 * everything in it. If two rules name the same place, the first one applies.
 */
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

/** The member with the handle for all data that is neither shown nor sealed by its own rule. */
const REST_MEMBER = `${PREFIX}rest`;

/** A sealed place and the handle that replaces it. */
export interface SealedPlace {
  readonly at: JsonPointer;
  readonly form: HandleForm;
}

/** The visible form of a value: its handles, and the places that stay visible. */
export interface ValueInSight extends Pick<SealingPlan, "show"> {
  readonly sealed: readonly SealedPlace[];
  /** The opened values to replace in visible data. Inserted handles are not searched. */
  readonly echoes: Echoes;
}

/**
 * Returns a copy of `value` with handles at their places. With `show`, it contains only the shown
 * places and the handles.
 */
export function withHandles(value: unknown, { sealed, show, echoes }: ValueInSight): unknown {
  const whole = sealed.find(({ at }) => at.length === 0)?.form;
  const parts = sealed.filter(({ at }) => at.length > 0);
  if (whole === undefined) return copyWith(value, { branch: treeOf(parts), echoes });
  if (show === undefined || !isObject(value)) return whole;
  const patterns = [...show, ...parts.map(({ at }) => at)];
  const inSight = pickFrom(value, { branch: treeOf(parts), echoes }, patterns);
  return { ...(inSight as object), [REST_MEMBER]: whole };
}

/** The handles of a value as a tree of member names and item indexes. */
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

/** The handles and opened values for one part of a value. */
interface PartInSight {
  /** The handles within the part; `undefined`: none. */
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

/** Returns a copy of the parts that match the patterns. */
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

/**
 * Returns a container with the members that `map` keeps. Any other value is returned without opened
 * values.
 */
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

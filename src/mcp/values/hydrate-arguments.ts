/** Opens the handles in a tool's arguments with the grants of that tool. */
import { isBytes } from "../../primitives/bytes.js";
import {
  formatPointer,
  matchesPointer,
  parsePointer,
  placesOf,
  valueAt,
} from "../../primitives/json-pointer.js";
import { referenceSpelledAs } from "../../template/forms/handle-spelling.js";
import type { Reference } from "../../template/forms/references.js";
import {
  checkRules,
  findSlots,
  type HydratePlace,
  referencesIn,
  type Slot,
} from "../../template/render/find-references.js";
import { fillSlots } from "../../template/render/hydrate-value.js";
import {
  checkHydrateOptions,
  checkTextOptions,
  type TextSettings,
} from "../../template/render/options.js";
import type { FoundReference } from "../../template/render/resolver.js";
import { mapValues } from "../../template/render/values.js";
import { HandleNotFoundError, HydrationError, isVaultError } from "../../vault/errors.js";
import { handleIdOf } from "../../vault/handle.js";
import type { Outcome, UnsealRequest, Vault } from "../../vault/vault.js";
import type { HydratingRule } from "../policy/policy-rules.js";
import { toolPrincipal } from "../policy/principals.js";
import {
  leftoverRefusal,
  NOT_EXECUTED_HANDLE,
  NOT_EXECUTED_PLACE,
  NOT_EXECUTED_TOO_LARGE,
  NOT_EXECUTED_VAULT_DOWN,
} from "../protocol/fixed-texts.js";
import type { JsonObject } from "../protocol/messages.js";
import { Echoes, EchoLimitError } from "./echoes.js";
import { leftoverPlace } from "./leftover-handles.js";
import { type ToolResult, toolError } from "./tool-result.js";
import { checkScope, type ToolScope } from "./tool-scope.js";

/** The arguments for the tool, or the result to return instead of running it. */
export type Hydration =
  | {
      readonly ok: true;
      /** A copy with opened values. The original arguments are unchanged and can be logged. */
      readonly arguments: JsonObject;
      /** The opened values, which must be replaced if the tool's result repeats them. */
      readonly echoes: Echoes;
    }
  | { readonly ok: false; readonly refusal: ToolResult };

/**
 * Opens the handles in a tool's arguments at the places that the policy names. Others stay
 * unchanged.
 *
 * Either all of them are opened or none. If none, the tool must not run, and `refusal` is its
 * result. Handles inside opened values are not opened.
 *
 * @throws TypeError The subject is not a text that a principal can contain.
 *
 * @example
 * ```ts
 * const call = await hydrateArguments(args, scope);
 * if (!call.ok) return call.refusal;
 * return sealToolOutput(await tool(call.arguments), { ...scope, echoes: call.echoes });
 * ```
 */
export async function hydrateArguments(args: JsonObject, scope: ToolScope): Promise<Hydration> {
  checkScope(scope);
  const rules = scope.policy.rulesOf(scope).hydrating;
  try {
    const spelled = respelled(args, rules);
    const found = findIn(spelled, rules);
    const leftover = leftoverPlace(spelled, rules, found.slots);
    if (leftover !== undefined) return { ok: false, refusal: toolError(leftoverRefusal(leftover)) };
    if (found.ids.size === 0) return { ok: true, arguments: args, echoes: new Echoes([]) };
    return { ok: true, ...(await opened(spelled, found, scope)) };
  } catch (error) {
    return { ok: false, refusal: toolError(refusalOf(error)) };
  }
}

const PLAIN_ID = /hdl_[0-9a-f]{32}/;

/**
 * Returns a copy in which each text that is a handle in another spelling has the standard spelling.
 */
function respelled(args: JsonObject, rules: readonly HydratingRule[]): unknown {
  const spellings = new Map<string, string>();
  for (const { at, isInside } of rules) {
    for (const pointer of placesOf(args, at)) {
      const value = valueAt(args, pointer)?.value;
      // A rule for longer texts keeps the text around a handle.
      if (typeof value !== "string" || (isInside && PLAIN_ID.test(value))) continue;
      const reference = referenceSpelledAs(value);
      if (reference !== undefined) spellings.set(formatPointer(pointer), reference);
    }
  }
  if (spellings.size === 0) return args;
  return mapValues(args, (_, pointer) => {
    const value = spellings.get(formatPointer(pointer));
    return value === undefined ? undefined : { value };
  });
}

const TEXT: TextSettings = checkTextOptions({});

/** The handles to open in the arguments. */
interface FoundHandles {
  readonly slots: ReadonlyMap<string, Slot>;
  readonly ids: ReadonlySet<string>;
  /** Malformed references that stay unchanged, as they were written. */
  readonly kept: ReadonlySet<string>;
}

/** @throws RangeError A reference is malformed at a place where the rule refuses leftovers. */
function findIn(args: unknown, rules: readonly HydratingRule[]): FoundHandles {
  const places = rules.map(placeOf);
  const slots = findSlots(args, { rules: checkRules({ places }), text: TEXT });
  const ids = new Set<string>();
  const kept = new Set<string>();
  for (const [at, slot] of slots) {
    const rule = rules.find((one) => matchesPointer(one.at, parsePointer(at)));
    for (const { written, reference } of referencesIn(slot)) {
      if (reference !== undefined) ids.add(reference.id);
      else if (rule?.leftover === "pass") kept.add(written);
      else throw new RangeError("a reference is mangled");
    }
  }
  return { slots, ids, kept };
}

function placeOf({ at, isInside, format }: HydratingRule): HydratePlace {
  return {
    at: formatPointer(at),
    inside: isInside ? "hydrate" : "inert",
    format: format === "json" ? "json-text" : (format ?? "detect"),
  };
}

async function opened(
  args: unknown,
  { slots, ids, kept }: FoundHandles,
  scope: ToolScope,
): Promise<{ readonly arguments: JsonObject; readonly echoes: Echoes }> {
  const vault = await withoutWaste(ids, [...slots.values()].flatMap(referencesIn), scope);
  const requestingPrincipal = toolPrincipal(scope, scope.subject);
  const options = { requestingPrincipal, onUnresolved: "keep" } as const;
  const resolving = checkHydrateOptions(options, TEXT.maxHandles);
  const hydrated = await fillSlots(vault, args, { slots, text: TEXT, resolving });
  const { value, insertions, unresolved } = hydrated;
  const failed = unresolved.filter(({ written }) => !kept.has(written));
  if (failed.length > 0) {
    const reasons = new Map(failed.map(({ written, reason }) => [written, reason]));
    throw new HydrationError("unresolved-handles", reasons);
  }
  if (insertions.some(({ value: one }) => isBytes(one))) throw new RangeError();
  return { arguments: value as JsonObject, echoes: new Echoes(insertions) };
}

/** The maximum number of handles that one call may open. */
const MAX_HANDLES = 100;

/**
 * Returns a vault that avoids spending uses on a call that fails. Opening may spend a use.
 * Therefore all handles are described before any is opened, and those with limited uses are opened
 * last: a missing field in another handle then fails the call before a use is spent.
 */
async function withoutWaste(
  ids: ReadonlySet<string>,
  references: readonly FoundReference[],
  scope: ToolScope,
): Promise<Vault> {
  if (ids.size > MAX_HANDLES) throw new RangeError();
  if (ids.size === 1) return scope.vault;
  const principal = toolPrincipal(scope, scope.subject);
  const described = await Promise.all([...ids].map((id) => scope.vault.describe(id, principal)));
  if (described.some(({ usesLeft }) => usesLeft === 0)) throw new RangeError();
  const limited = new Set(
    described.flatMap(({ id, usesLeft }) => (usesLeft === undefined ? [] : [id])),
  );
  return limited.size === 0 ? scope.vault : openingLast(limited, references, scope.vault);
}

/**
 * Returns a vault that opens the handles in `limited` only after all others have been opened and
 * contain the referenced fields.
 */
function openingLast(
  limited: ReadonlySet<string>,
  references: readonly FoundReference[],
  vault: Vault,
): Vault {
  const unsealMany: Vault["unsealMany"] = async <T>(requests: readonly UnsealRequest[]) => {
    const outcomes = new Map<string, Outcome<T>>();
    const open = async (asked: readonly UnsealRequest[]) => {
      const given = await vault.unsealMany<T>(asked);
      for (const [at, request] of asked.entries()) {
        outcomes.set(idOf(request), given[at] ?? NOT_ASKED);
      }
    };
    await open(requests.filter((request) => !limited.has(idOf(request))));
    const isWhole = references.every(({ reference }) => isGiven(reference, outcomes));
    if (isWhole) await open(requests.filter((request) => limited.has(idOf(request))));
    return requests.map((request) => outcomes.get(idOf(request)) ?? NOT_ASKED);
  };
  return Object.assign(Object.create(vault) as Vault, { unsealMany });
}

function idOf({ id }: UnsealRequest): string {
  return handleIdOf(id);
}

const NOT_ASKED: Outcome<never> = { ok: false, error: new HandleNotFoundError() };

/**
 * Returns whether an opened value has the field of a reference; `true` if the handle is not opened
 * yet.
 */
function isGiven(
  reference: Reference | undefined,
  byId: ReadonlyMap<string, Outcome<unknown>>,
): boolean {
  if (reference === undefined || !byId.has(reference.id)) return true;
  const outcome = byId.get(reference.id);
  return outcome?.ok === true && valueAt(outcome.value, reference.pointer) !== undefined;
}

/** The reasons that concern a handle or its reference, not the vault. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  "ERR_VAULT_HANDLE_NOT_FOUND",
  "ERR_VAULT_HANDLE_EXPIRED",
  "ERR_VAULT_HANDLE_ACCESS_DENIED",
  "ERR_VAULT_HANDLE_EXHAUSTED",
  "ERR_VAULT_HANDLE_EVICTED",
  "malformed",
  "no-such-field",
  "not-text",
]);

/**
 * Returns the same text for every handle that cannot be opened, because the reason would reveal
 * whether a handle exists.
 */
function refusalOf(error: unknown): string {
  if (error instanceof EchoLimitError) return NOT_EXECUTED_TOO_LARGE;
  if (error instanceof RangeError) return NOT_EXECUTED_HANDLE;
  if (!isVaultError(error)) return NOT_EXECUTED_VAULT_DOWN;
  const reasons = error.code === "ERR_VAULT_HYDRATION" ? [...error.errors.values()] : [error.code];
  if (reasons.includes("not-renderable")) return NOT_EXECUTED_PLACE;
  return reasons.every((reason) => REFUSALS.has(reason))
    ? NOT_EXECUTED_HANDLE
    : NOT_EXECUTED_VAULT_DOWN;
}

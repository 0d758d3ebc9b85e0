/** Opens the handles in a tool's arguments, for that tool alone. */
import { type JsonPointer, placesOf, valueAt } from "../primitives/json-pointer.js";
import { isVaultError } from "../vault/errors.js";
import { Echoes, type OpenedValue } from "./echoes.js";
import { NOT_EXECUTED_HANDLE, NOT_EXECUTED_VAULT_DOWN } from "./fixed-texts.js";
import type { JsonObject } from "./messages.js";
import type { HydratingRule } from "./policy-rules.js";
import { toolPrincipal } from "./principals.js";
import { type HandleReference, referenceOf, referencesIn } from "./references.js";
import { type ToolResult, toolError } from "./tool-result.js";
import { checkScope, type ToolScope } from "./tool-scope.js";

/** Arguments to run a tool with, or the result to give instead of running it. */
export type Hydration =
  | {
      readonly ok: true;
      /** A copy with values in it; the given arguments are as they were, for logs. */
      readonly arguments: JsonObject;
      /** What the tool must not say again. */
      readonly echoes: Echoes;
    }
  | { readonly ok: false; readonly refusal: ToolResult };

/** The most handles that one call may open. */
const MAX_HANDLES = 100;

/**
 * Opens the handles in a tool's arguments, where the policy says so; elsewhere they stay as they are.
 *
 * All of them are opened, or none: then the tool must not run, and `refusal` is what to answer.
 * Opened values are not searched for handles.
 *
 * @throws TypeError The subject is no text a principal can hold.
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
  try {
    const slots = slotsOf(args, scope.policy.rulesOf(scope).hydrating);
    if (slots.length === 0) return { ok: true, arguments: args, echoes: new Echoes([]) };
    const payloads = await openAll(distinctIds(slots), scope);
    const filled = slots.map((slot) => fill(slot, payloads));
    const echoes = new Echoes(filled.flatMap(({ opened }) => opened));
    return { ok: true, arguments: filled.reduce(replaceAt, args as unknown) as JsonObject, echoes };
  } catch (error) {
    return { ok: false, refusal: toolError(refusalOf(error)) };
  }
}

/** A place of the arguments with handles to open. */
interface Slot {
  readonly at: JsonPointer;
  /** The text around handles inside it; `undefined` where a handle stands for the whole value. */
  readonly text: string | undefined;
  readonly references: readonly (HandleReference & { start?: number; end?: number })[];
}

function slotsOf(args: JsonObject, rules: readonly HydratingRule[]): readonly Slot[] {
  return rules.flatMap((rule) =>
    [...placesOf(args, rule.at)].flatMap((at) => slotAt(at, valueAt(args, at)?.value, rule)),
  );
}

function slotAt(at: JsonPointer, value: unknown, { isInside }: HydratingRule): Slot[] {
  const whole = referenceOf(value);
  if (whole !== undefined) return [{ at, text: undefined, references: [whole] }];
  if (!isInside || typeof value !== "string") return [];
  const references = referencesIn(value);
  return references.length === 0 ? [] : [{ at, text: value, references }];
}

function distinctIds(slots: readonly Slot[]): readonly string[] {
  const ids = new Set(slots.flatMap(({ references }) => references.map(({ id }) => id)));
  if (ids.size > MAX_HANDLES) throw new HandleRefused();
  return [...ids];
}

/** A handle that does not open here; why is nobody's business but the owner's. */
class HandleRefused extends Error {}

async function openAll(
  ids: readonly string[],
  scope: ToolScope,
): Promise<ReadonlyMap<string, unknown>> {
  const { vault } = scope;
  const requestingPrincipal = toolPrincipal(scope, scope.subject);
  // Opening may spend a use, so all are known to open before any is opened.
  if (ids.length > 1) await assertUsable(ids, scope);
  const outcomes = await vault.unsealMany(ids.map((id) => ({ id, requestingPrincipal })));
  const payloads = outcomes.map((outcome) => {
    if (!outcome.ok) throw outcome.error;
    if (outcome.value instanceof Uint8Array) throw new HandleRefused();
    return outcome.value;
  });
  return new Map(ids.map((id, index) => [id, payloads[index]]));
}

async function assertUsable(ids: readonly string[], scope: ToolScope): Promise<void> {
  const principal = toolPrincipal(scope, scope.subject);
  const handles = await Promise.all(ids.map((id) => scope.vault.describe(id, principal)));
  if (handles.some(({ usesLeft }) => usesLeft === 0)) throw new HandleRefused();
}

interface FilledSlot {
  readonly at: JsonPointer;
  readonly value: unknown;
  readonly opened: readonly OpenedValue[];
}

function fill(slot: Slot, payloads: ReadonlyMap<string, unknown>): FilledSlot {
  const opened = slot.references.map(({ id, pointer, text }) => {
    const found = valueAt(payloads.get(id), pointer);
    if (found === undefined) throw new HandleRefused();
    return { value: found.value, reference: text };
  });
  const value = slot.text === undefined ? opened[0]?.value : fillText(slot.text, slot, opened);
  return { at: slot.at, value, opened };
}

function fillText(text: string, slot: Slot, opened: readonly OpenedValue[]): string {
  let filled = "";
  let from = 0;
  for (const [index, { start = 0, end = 0 }] of slot.references.entries()) {
    const value = opened[index]?.value;
    filled += text.slice(from, start) + (typeof value === "string" ? value : JSON.stringify(value));
    from = end;
  }
  return filled + text.slice(from);
}

/** Returns a copy of `root` with another value at a place that exists. */
function replaceAt(root: unknown, { at, value }: Pick<FilledSlot, "at" | "value">): unknown {
  const [token, ...rest] = at;
  if (token === undefined) return value;
  const copy = Array.isArray(root) ? [...root] : { ...(root as object) };
  const inner = (root as Record<string, unknown>)[token];
  Object.defineProperty(copy, token, {
    value: replaceAt(inner, { at: rest, value }),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return copy;
}

const REFUSALS: ReadonlySet<string> = new Set([
  "ERR_VAULT_HANDLE_NOT_FOUND",
  "ERR_VAULT_HANDLE_EXPIRED",
  "ERR_VAULT_HANDLE_ACCESS_DENIED",
  "ERR_VAULT_HANDLE_EXHAUSTED",
  "ERR_VAULT_HANDLE_EVICTED",
]);

/** One text for every handle that does not open: which reason it is would tell what exists. */
function refusalOf(error: unknown): string {
  const isRefused = error instanceof HandleRefused || error instanceof RangeError;
  if (isRefused || (isVaultError(error) && REFUSALS.has(error.code))) return NOT_EXECUTED_HANDLE;
  return NOT_EXECUTED_VAULT_DOWN;
}

/** Opens the handles in a tool's arguments, for that tool alone. */
import { isBytes } from "../primitives/bytes.js";
import { formatPointer } from "../primitives/json-pointer.js";
import { findReferences, type HydratePlace } from "../template/find-references.js";
import { hydrateValue } from "../template/hydrate-value.js";
import { isVaultError } from "../vault/errors.js";
import { Echoes } from "./echoes.js";
import { NOT_EXECUTED_HANDLE, NOT_EXECUTED_VAULT_DOWN } from "./fixed-texts.js";
import type { JsonObject } from "./messages.js";
import type { HydratingRule } from "./policy-rules.js";
import { toolPrincipal } from "./principals.js";
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
  const places = scope.policy.rulesOf(scope).hydrating.map(placeOf);
  try {
    const references = findReferences(args, { places });
    if (references.length === 0) return { ok: true, arguments: args, echoes: new Echoes([]) };
    await assertUsable(new Set(references.map(({ id }) => id)), scope);
    const requestingPrincipal = toolPrincipal(scope, scope.subject);
    const hydrated = await hydrateValue(scope.vault, args, { requestingPrincipal, places });
    const { value, insertions } = hydrated;
    if (insertions.some(({ value: opened }) => isBytes(opened))) throw new RangeError();
    return { ok: true, arguments: value as JsonObject, echoes: new Echoes(insertions) };
  } catch (error) {
    return { ok: false, refusal: toolError(refusalOf(error)) };
  }
}

function placeOf({ at, isInside }: HydratingRule): HydratePlace {
  return { at: formatPointer(at), inside: isInside ? "hydrate" : "inert" };
}

/** The most handles that one call may open. */
const MAX_HANDLES = 100;

/** Opening may spend a use, so all handles are known to open before any is opened. */
async function assertUsable(ids: ReadonlySet<string | undefined>, scope: ToolScope): Promise<void> {
  if (ids.has(undefined) || ids.size > MAX_HANDLES) throw new RangeError();
  if (ids.size === 1) return;
  const principal = toolPrincipal(scope, scope.subject);
  const handles = await Promise.all(
    [...ids].map((id) => scope.vault.describe(String(id), principal)),
  );
  if (handles.some(({ usesLeft }) => usesLeft === 0)) throw new RangeError();
}

/** What is wrong with a handle, whichever it is. */
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

/** One text for every handle that does not open: which reason it is would tell what exists. */
function refusalOf(error: unknown): string {
  if (error instanceof RangeError) return NOT_EXECUTED_HANDLE;
  if (!isVaultError(error)) return NOT_EXECUTED_VAULT_DOWN;
  const reasons = error.code === "ERR_VAULT_HYDRATION" ? [...error.errors.values()] : [error.code];
  return reasons.every((reason) => REFUSALS.has(reason))
    ? NOT_EXECUTED_HANDLE
    : NOT_EXECUTED_VAULT_DOWN;
}

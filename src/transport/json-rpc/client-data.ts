import { giveJsonData, takeJsonData } from "../json-data.js";
import type { OperationName } from "../operations.js";
import { unanswered } from "../unanswered.js";

/** Operations of the original, whose servers know a handle's id by another name. */
const BY_HANDLE_ID: ReadonlySet<OperationName> = new Set(["unseal", "get_safe_view", "invalidate"]);

/** Returns an operation's parameters as this wire carries them. */
export function giveJsonParams(operation: OperationName, params: object): object {
  const given = giveJsonData(operation, params);
  if (!BY_HANDLE_ID.has(operation)) return given;
  const { id, ...rest } = given as { id?: unknown };
  return { handle_id: id, ...rest };
}

/**
 * Returns a result as the operation has it; the original's servers leave the wrapping away in places.
 *
 * @throws {@link OutcomeUnknownError} {@link ServiceUnavailableError} It is no result: what was asked for
 *   may have happened, or only reads.
 */
export function takeJsonResult(operation: OperationName, result: unknown): object {
  try {
    const taken = takeJsonData(operation, unwrapped(operation, result));
    if (typeof taken === "object" && taken !== null) return taken;
  } catch (cause) {
    throw unanswered(operation, cause);
  }
  throw unanswered(operation, new TypeError("The answer is no object."));
}

function unwrapped(operation: OperationName, result: unknown): unknown {
  if (operation === "invalidate" && (result === true || result === null)) return { ok: true };
  if (operation === "get_safe_view" && typeof result === "string") return { safe_view: result };
  return result;
}

/** Tells whether a value nests deeper than `levels`; it looks no deeper than that. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member: unknown) => isDeeperThan(levels - 1, member));
}

/**
 * What a vault's service can be asked.
 *
 * @module
 */
import type { OperationName } from "./messages.js";
import { POSITIONS } from "./positions.js";

export type * from "./messages.js";

/** The most items of one `seal_many` or `unseal_many`. */
export const MAX_BATCH = 1000;

/** The names of all operations. */
export const OPERATION_NAMES: readonly OperationName[] = Object.keys(POSITIONS) as OperationName[];

/** Tells whether there is an operation of this name. */
export function isOperationName(name: unknown): name is OperationName {
  return typeof name === "string" && Object.hasOwn(POSITIONS, name);
}

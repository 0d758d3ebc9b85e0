/**
 * What a vault's service can be asked.
 *
 * @module
 */
import type { OperationName } from "./messages.js";
import { POSITIONS } from "./positions.js";

export type * from "./messages.js";

/** The most items of one batch: of a `seal_many`, an `unseal_many`, or requests in JSON-RPC. */
export const MAX_BATCH = 1000;

/** Once the answers to one batch hold this much, in bytes or characters, the rest is to be asked for again. */
export const MAX_BATCH_ANSWERS: number = 16 * 1024 * 1024;

/** The names of all operations. */
export const OPERATION_NAMES: readonly OperationName[] = Object.keys(POSITIONS) as OperationName[];

/** Tells whether there is an operation of this name. */
export function isOperationName(name: unknown): name is OperationName {
  return typeof name === "string" && Object.hasOwn(POSITIONS, name);
}

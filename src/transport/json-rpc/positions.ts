import type { OperationName } from "../operations.js";
import { POSITIONS } from "../positions.js";

const NAMES: Readonly<Record<OperationName | "authenticate", readonly string[]>> = {
  ...POSITIONS,
  // JSON has no bytes: how the payload stands for them comes last.
  seal: [...POSITIONS.seal, "data_encoding"],
  authenticate: ["token"],
};

/**
 * Returns parameters by name.
 *
 * @throws RangeError There are more than the operation has.
 */
export function namedParams(
  operation: OperationName | "authenticate",
  params: object | undefined,
): object {
  if (!Array.isArray(params)) return params ?? {};
  const names = NAMES[operation];
  if (params.length > names.length) {
    throw new RangeError(`params must have at most ${names.length} values`);
  }
  return Object.fromEntries(params.map((value: unknown, place) => [names[place], value]));
}

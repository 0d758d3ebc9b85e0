import { rangeFault } from "../../vault/argument-errors.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

/** JSON has no bytes, so the encoding of a payload is a parameter of its own, the last one. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  seal: ["data_encoding"],
  authenticate: ["token"],
};

/**
 * Returns parameters by name.
 *
 * @throws RangeError There are more parameters than the operation has.
 */
export function namedParams(
  operation: OperationName | "authenticate",
  params: object | undefined,
): object {
  if (!Array.isArray(params)) return params ?? {};
  const names = namesOf(operation);
  if (params.length > names.length) {
    throw rangeFault("params", "maxValues", names.length);
  }
  return Object.fromEntries(params.map((value: unknown, place) => [names[place], value]));
}

function namesOf(operation: OperationName | "authenticate"): readonly string[] {
  const positions = operation === "authenticate" ? [] : OPERATIONS[operation].positions;
  return [...positions, ...(OTHERS[operation] ?? [])];
}

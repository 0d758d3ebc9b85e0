/** The methods of a vault's service: which parameter stands where, and what each method answers. */
import { typeFault } from "../../vault/argument-errors.js";
import {
  isOperationName,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
} from "../service/operations.js";
import { XmlRpcSyntaxError } from "./syntax-error.js";

const PREFIX = "vault.";

/** Returns the operation that a method name, with or without prefix, stands for. */
export function operationOf(method: string): OperationName | undefined {
  const name = method.startsWith(PREFIX) ? method.slice(PREFIX.length) : method;
  return isOperationName(name) ? name : undefined;
}

/**
 * Returns positional parameters as the service's. A nil counts as absent, except as the payload.
 *
 * @throws TypeError There are too many.
 */
export function namedParams(operation: OperationName, values: readonly unknown[]): object {
  const names = OPERATIONS[operation].positions;
  if (values.length > names.length) {
    throw typeFault("params", "maxValues", names.length);
  }
  const given = names
    .slice(0, values.length)
    .map((name, index) => [name, values[index]] as const)
    .filter(([name, value]) => value !== null || name === "data");
  return Object.fromEntries(given);
}

/** Returns the service's parameters in their positions, without those at the end that are absent. */
export function positionalParams(operation: OperationName, params: object): unknown[] {
  const named: Record<string, unknown> = { ...params };
  const names = OPERATIONS[operation].positions;
  const last = names.findLastIndex((name) => named[name] !== undefined);
  return names.slice(0, last + 1).map((name) => named[name] ?? null);
}

/** Returns a result as the method answers it. */
export function valueOfResult(operation: OperationName, result: object): unknown {
  const member = OPERATIONS[operation].loneMember;
  return member === undefined ? result : (result as Record<string, unknown>)[member];
}

/** @throws {@link XmlRpcSyntaxError} The answer is of another kind than the method has. */
export function resultOfValue(operation: OperationName, value: unknown): object {
  const member = OPERATIONS[operation].loneMember;
  if (member !== undefined) return { [member]: value };
  if (typeof value !== "object" || value === null) throw new XmlRpcSyntaxError("value");
  return value;
}

/**
 * Answers the methods that tell of methods; `undefined` if it is none of them.
 *
 * @throws TypeError The method asked about does not exist.
 */
export function introspect(method: string, params: readonly unknown[]): unknown {
  if (method === "system.listMethods") return [...OPERATION_NAMES, ...SYSTEM_METHODS];
  return method === "system.methodHelp" ? helpOf(params[0]) : undefined;
}

const SYSTEM_METHODS = ["system.listMethods", "system.methodHelp"];

function helpOf(method: unknown): string {
  if (typeof method === "string" && SYSTEM_METHODS.includes(method)) return "Tells of methods.";
  const operation = typeof method === "string" ? operationOf(method) : undefined;
  if (operation === undefined) throw new TypeError("method must be one of system.listMethods");
  const { positions, summary } = OPERATIONS[operation];
  return `${operation}(${positions.join(", ")}): ${summary}`;
}

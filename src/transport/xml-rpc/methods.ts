/**
 * The methods of a vault's service in XML-RPC: the positions of their parameters, and their return values.
 */
import { typeFault } from "../../vault/argument-errors.js";
import {
  isOperationName,
  OPERATION_NAMES,
  OPERATIONS,
  type OperationName,
} from "../service/operations.js";
import { XmlRpcSyntaxError } from "./syntax-error.js";

const PREFIX = "vault.";

/** Returns the operation for a method name with or without prefix. */
export function operationOf(method: string): OperationName | undefined {
  const name = method.startsWith(PREFIX) ? method.slice(PREFIX.length) : method;
  return isOperationName(name) ? name : undefined;
}

/**
 * Returns positional parameters by the service's names. A nil counts as absent, except as the payload.
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

/** Returns the service's parameters by position, without absent ones at the end. */
export function positionalParams(operation: OperationName, params: object): unknown[] {
  const named: Record<string, unknown> = { ...params };
  const names = OPERATIONS[operation].positions;
  const last = names.findLastIndex((name) => named[name] !== undefined);
  return names.slice(0, last + 1).map((name) => named[name] ?? null);
}

/** Returns a result as the return value of the method. */
export function valueOfResult(operation: OperationName, result: object): unknown {
  const member = OPERATIONS[operation].loneMember;
  return member === undefined ? result : (result as Record<string, unknown>)[member];
}

/** @throws {@link XmlRpcSyntaxError} The response has a different type than the method returns. */
export function resultOfValue(operation: OperationName, value: unknown): object {
  const member = OPERATIONS[operation].loneMember;
  if (member !== undefined) return { [member]: value };
  if (typeof value !== "object" || value === null) throw new XmlRpcSyntaxError("value");
  return value;
}

/**
 * Answers the introspection methods; returns `undefined` for any other method.
 *
 * @throws TypeError The method in the parameter does not exist.
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

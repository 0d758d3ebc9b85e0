/** Errors of the protocol with fixed texts. */
import { isObject, type RpcError } from "./messages.js";

export const INVALID_REQUEST: number = -32600;
const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS: number = -32602;
export const INTERNAL_ERROR: number = -32603;
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_VERSION = -32022;

/** The error codes that a client may see, with their texts. Any other code could be data. */
const TEXTS: ReadonlyMap<number, string> = new Map([
  [-32700, "Parse error"],
  [INVALID_REQUEST, "Invalid request"],
  [METHOD_NOT_FOUND, "Method not found"],
  [INVALID_PARAMS, "Invalid params"],
  [INTERNAL_ERROR, "Internal error"],
  [-32002, "Resource not found"],
  [-32020, "Header mismatch"],
  [MISSING_CAPABILITY, "Missing required client capability"],
  [UNSUPPORTED_VERSION, "Unsupported protocol version"],
]);

/**
 * Returns an error with its code, if the code is known, and without any text of the server.
 *
 * @param asked - The protocol revision that the client requested, if it named one.
 */
export function fixedError({ code, data }: RpcError, asked?: unknown): RpcError {
  const message = TEXTS.get(code);
  if (message === undefined) return { code: INTERNAL_ERROR, message: "Server error" };
  const kept = keptData(code, data, asked);
  return kept === undefined ? { code, message } : { code, message, data: kept };
}

/** Returns whether an error means that the server does not know the method. */
export function isMethodNotFound({ code }: RpcError): boolean {
  return code === METHOD_NOT_FOUND;
}

/**
 * Returns the data that a client needs to continue: the supported versions or the required
 * capabilities.
 */
function keptData(code: number, data: unknown, asked: unknown): unknown {
  if (!isObject(data)) return undefined;
  const { supported, requested, requiredCapabilities } = data;
  if (code === UNSUPPORTED_VERSION) {
    return {
      supported: shownVersions(supported, asked),
      ...(isShownVersion(requested, asked) ? { requested } : {}),
    };
  }
  if (code !== MISSING_CAPABILITY || !isObject(requiredCapabilities)) return undefined;
  const names = CLIENT_CAPABILITIES.filter((name) => Object.hasOwn(requiredCapabilities, name));
  return { requiredCapabilities: Object.fromEntries(names.map((name) => [name, {}])) };
}

const CLIENT_CAPABILITIES = ["elicitation", "sampling", "roots"] as const;
const VERSION = /^20\d\d-[01]\d-[0-3]\d$/;

/** Returns whether a value has the form of a protocol revision, a date. */
export function isVersion(value: unknown): value is string {
  return typeof value === "string" && VERSION.test(value);
}

/** The known revisions of the protocol. */
const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;

/**
 * Returns whether a client may see a date as a revision: it is a known revision or the one that the
 * client requested. Any other date could be data.
 */
export function isShownVersion(value: unknown, asked: unknown): value is string {
  return isVersion(value) && (value === asked || REVISIONS.some((known) => known === value));
}

/**
 * Returns the revisions of a server's list, each once and sorted by date, so that the server's
 * order cannot carry data.
 */
export function shownVersions(given: unknown, asked: unknown): readonly string[] {
  if (!Array.isArray(given)) return [];
  return [...new Set(given.filter((one) => isShownVersion(one, asked)))].toSorted();
}

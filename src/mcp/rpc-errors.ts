/** Errors of the protocol, in words of our own. */
import { isObject, type RpcError } from "./messages.js";

export const INVALID_REQUEST: number = -32600;
const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS: number = -32602;
export const INTERNAL_ERROR: number = -32603;
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_VERSION = -32022;

/** The codes that say something to a client, and what they say. A code of any other number could be data. */
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
 * Returns an error with its code, if that is a known one, and nothing that the server wrote.
 *
 * @param asked - The protocol revision that the client asked for, where it named one.
 */
export function fixedError({ code, data }: RpcError, asked?: unknown): RpcError {
  const message = TEXTS.get(code);
  if (message === undefined) return { code: INTERNAL_ERROR, message: "Server error" };
  const kept = keptData(code, data, asked);
  return kept === undefined ? { code, message } : { code, message, data: kept };
}

/** Tells whether a server does not know a method. */
export function isMethodNotFound({ code }: RpcError): boolean {
  return code === METHOD_NOT_FOUND;
}

/** What a client needs to go on: versions to choose from, capabilities to declare. */
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

/** Tells whether a value is the date of a protocol revision. */
export function isVersion(value: unknown): value is string {
  return typeof value === "string" && VERSION.test(value);
}

/** The revisions of the protocol. */
const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;

/** Tells whether a date is a revision, and no date of someone's: a known one, or the client's own. */
export function isShownVersion(value: unknown, asked: unknown): value is string {
  return isVersion(value) && (value === asked || REVISIONS.some((known) => known === value));
}

/** Returns the revisions of a server's list, each once and in the order of time: no other order is told. */
export function shownVersions(given: unknown, asked: unknown): readonly string[] {
  if (!Array.isArray(given)) return [];
  return [...new Set(given.filter((one) => isShownVersion(one, asked)))].toSorted();
}

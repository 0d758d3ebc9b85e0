/**
 * The dialect of the original: the Python library with whose clients and servers ours interoperate. The facts
 * come
 * from recordings of both (`test/vectors/original`).
 *
 * @module
 */

import { isBytes } from "../../primitives/bytes.js";
import { typeFault } from "../../vault/argument-errors.js";
import type { Transport } from "../client/transport.js";
import { giveJsonData, takeJsonData } from "../json/payload-data.js";
import type { SealParams } from "../service/messages.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

/** The parameters of the operations that the original has. */
const PARAMS: Partial<Record<OperationName, readonly string[]>> = {
  seal: ["data", "owner_principal", "safe_view", "ttl_seconds", "granted_principals"],
  unseal: ["id", "requesting_principal"],
  get_safe_view: ["id"],
  invalidate: ["id"],
};

/** The defaults of the original's `seal`. Its servers need both as positional parameters. */
const SEAL_DEFAULTS = { ttl_seconds: 300, granted_principals: [] };

/** Returns parameters with each handle's id as `id`. The original's JSON-RPC clients call it `handle_id`. */
export function withIds(params: unknown): unknown {
  if (typeof params !== "object" || params === null) return params;
  const { requests } = params as { readonly requests?: unknown };
  if (Array.isArray(requests)) return { ...params, requests: requests.map(withIds) };
  if (Object.hasOwn(params, "id") || !Object.hasOwn(params, "handle_id")) return params;
  const { handle_id: id, ...rest } = params as { readonly handle_id: unknown };
  return { ...rest, id };
}

/** Returns a result that the original answered without the object around its only member. */
export function fromBareResult(operation: OperationName, result: unknown): unknown {
  const member = bareMemberOf(operation);
  return member === undefined ? takeJsonData(operation, result) : { [member]: result };
}

function bareMemberOf(operation: OperationName): string | undefined {
  return PARAMS[operation] === undefined ? undefined : OPERATIONS[operation].loneMember;
}

/**
 * Returns a result in the form of the original over JSON-RPC.
 *
 * @throws TypeError It contains bytes. The client would read them as text, because nothing marks them as
 * bytes.
 */
export function bareResult(operation: OperationName, result: object): unknown {
  const member = bareMemberOf(operation);
  if (member === undefined) return giveJsonData(operation, result);
  const value = (result as Record<string, unknown>)[member];
  if (!isBytes(value)) return value;
  throw typeFault("data", "bareBytes");
}

/** The HTTP statuses of errors of the original's servers; the XML-RPC faults have the same numbers. */
export const ORIGINAL_STATUSES: ReadonlySet<number> = new Set([400, 403, 404, 410]);

/** The faults of the original's XML-RPC servers. */
export const ORIGINAL_FAULTS: ReadonlySet<number> = new Set([403, 404, 410]);

/** The errors of the original's JSON-RPC servers: not found, expired, denied, and everything else. */
export const ORIGINAL_RPC_CODES: ReadonlySet<number> = new Set([-32001, -32002, -32003, -32600]);

/** How one wire of the original differs. */
export interface OriginalForm {
  /** Whether bytes come back as bytes. */
  readonly carriesBytes: boolean;
  /** The name of the handle's id among the parameters. */
  readonly idName?: "id" | "handle_id";
}

/** Returns a transport to a server of the original, which is sent nothing that it would ignore. */
export function toOriginal(transport: Transport, form: OriginalForm): Transport {
  return {
    call: async (operation, params, options) => {
      const names = PARAMS[operation];
      if (names === undefined) throw new TypeError(`the original's servers have no ${operation}`);
      if (operation === "seal") checkSeal(params as SealParams, form);
      // The order of the parameters is kept.
      const missing = operation === "seal" ? SEAL_DEFAULTS : {};
      const whole = { ...params, ...missing, ...params };
      const given = Object.entries(whole)
        .filter(([name]) => names.includes(name))
        .map(([name, value]) => [name === "id" ? (form.idName ?? name) : name, value]);
      const result = await transport.call(operation, Object.fromEntries(given), options);
      return operation === "seal" ? withGrants(result, params as SealParams) : result;
    },
    close: () => transport.close(),
  };
}

/** The original's servers omit the grants from their responses. */
function withGrants(result: object, { granted_principals: grants }: SealParams): object {
  return { granted_principals: grants ?? [], ...result };
}

function checkSeal(params: SealParams, { carriesBytes }: OriginalForm): void {
  const { data, max_uses: maxUses } = params;
  if (maxUses !== undefined && maxUses !== null) {
    throw new TypeError("maxUses: the original's servers count no uses");
  }
  if (isBytes(data) && !carriesBytes) {
    throw new TypeError("data: the original's servers take bytes for text on this wire");
  }
}

/**
 * The dialect of the original: the Python library with whose clients and servers ours interoperate. The facts
 * come
 * from recordings of both (`test/vectors/original`).
 *
 * @module
 */

import { isBytes } from "../../primitives/bytes.js";
import { typeFault } from "../../vault/argument-errors.js";
import type { Wire } from "../client/transport.js";
import { giveJsonData } from "../json/payload-data.js";
import type { SealParams } from "../service/messages.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

/** The parameters of the operations that the original has. */
const PARAMS: Partial<Record<OperationName, readonly string[]>> = {
  seal: ["data", "owner_principal", "safe_view", "ttl_seconds", "granted_principals"],
  unseal: ["id", "requesting_principal"],
  get_safe_view: ["id"],
  invalidate: ["id"],
};

/** Returns the one member of a result that the original sends without the object around it. */
export function bareMemberOf(operation: OperationName): string | undefined {
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

/**
 * Returns a wire to a server of the original. It sends no parameters that the server would ignore.
 *
 * @param form - `carriesBytes`: whether bytes come back as bytes.
 */
export function toOriginal(wire: Wire, form: { readonly carriesBytes: boolean }): Wire {
  return {
    call: async (operation, params, options) => {
      const names = PARAMS[operation];
      if (names === undefined) throw new TypeError(`the original's servers have no ${operation}`);
      if (operation === "seal") checkSeal(params as SealParams, form);
      const given = Object.entries(params).filter(([name]) => names.includes(name));
      const result = await wire.call(operation, Object.fromEntries(given), options);
      return operation === "seal" ? withGrants(result, params as SealParams) : result;
    },
    close: () => wire.close(),
  };
}

/** The original's servers omit the grants from their responses. */
function withGrants(result: object, { granted_principals: grants }: SealParams): object {
  return { granted_principals: grants ?? [], ...result };
}

function checkSeal(params: SealParams, { carriesBytes }: { readonly carriesBytes: boolean }): void {
  const { data, max_uses: maxUses } = params;
  if (maxUses !== undefined && maxUses !== null) {
    throw new TypeError("maxUses: the original's servers count no uses");
  }
  if (isBytes(data) && !carriesBytes) {
    throw new TypeError("data: the original's servers take bytes for text on this wire");
  }
}

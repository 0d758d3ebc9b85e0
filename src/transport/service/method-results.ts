/** Converts the results of operations to the return values of a vault's methods. */
import { typeFault } from "../../vault/argument-errors.js";
import {
  HandleDescription,
  OpaqueHandle,
  type WireDescription,
  type WireHandle,
} from "../../vault/handle.js";
import type { Payload } from "./messages.js";

const HANDLE_ID = /^hdl_[0-9a-f]{32}$/;

/** Returns the handle in a result. @throws TypeError It is not the requested one. */
export function handleOf(result: WireHandle, params: object): OpaqueHandle {
  return new OpaqueHandle(fieldsOf(result, params));
}

/** Returns the description in a result. @throws TypeError It is not of the requested handle. */
export function descriptionOf(result: WireDescription, params: object): HandleDescription {
  const usesLeft = result.uses_left ?? undefined;
  return new HandleDescription({ ...fieldsOf(result, params), usesLeft });
}

/** Returns the payload in a result. @throws TypeError There is none. */
export function payloadOf(result: Payload): unknown {
  // A schema does not distinguish an absent payload from an undefined one.
  if (result.data === undefined) throw typeFault("data", "required");
  return result.data;
}

/** A result about a handle that was not requested belongs to another request. */
function fieldsOf(result: WireHandle, params: { readonly id?: string }) {
  const { id } = result;
  if (!HANDLE_ID.test(id) || (params.id ?? id) !== id)
    throw new TypeError("id must be the handle's");
  return {
    id,
    safeView: result.safe_view,
    ownerPrincipal: result.owner_principal,
    grantedPrincipals: [...result.granted_principals],
    createdAtMs: Date.parse(result.created_at),
    expiresAtMs: Date.parse(result.expires_at),
  };
}

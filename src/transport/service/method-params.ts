/**
 * Converts a method's arguments to the parameters that a client sends, checked as `HandleVault` checks them.
 */
import { isBytes, trueBytes } from "../../primitives/bytes.js";
import { checkPrincipal, checkRequest, checkSealOptions } from "../../vault/checks.js";
import { HandleNotFoundError } from "../../vault/errors.js";
import { handleIdOf, isHandleId } from "../../vault/handle.js";
import { type ResolvedSafeView, resolveSafeView } from "../../vault/resolve-safe-view.js";
import type { LeakGuardSetting } from "../../vault/safe-view.js";
import type { SealOptions, SealRequest, UnsealRequest } from "../../vault/vault.js";
import type { RequestParams, SealParams } from "./messages.js";
import { checkPayload, sizeOf } from "./payload.js";

/** An item of `seal_many`, ready to be sent. */
export interface SealItem {
  readonly params: SealParams;
  readonly size: number;
}

/** An estimate of an item's size without its payload, with many grants. */
const SIZE_OF_THE_REST = 16 * 1024;

/** Returns the checked parameters of `seal`. Runs the summarizer, if there is one. */
export async function sealParams(data: unknown, options: SealOptions): Promise<SealParams> {
  const checked = checkSealOptions(options);
  const { maxUses } = checked;
  checkPayload(data);
  const view = await resolveSafeView(data, checked);
  return {
    // An array of bytes may report a false length or content, so its true bytes are used.
    data: isBytes(data) ? trueBytes(data) : data,
    owner_principal: checked.ownerPrincipal,
    safe_view: view.text,
    ttl_seconds: checked.ttlSeconds,
    granted_principals: checked.grantedPrincipals,
    ...(maxUses === undefined ? {} : { max_uses: maxUses }),
    ...leakGuardParam(checked.leakGuard, view),
  };
}

function leakGuardParam(
  setting: LeakGuardSetting | undefined,
  { shown }: ResolvedSafeView,
): Pick<SealParams, "leak_guard"> {
  if (setting === "off") return { leak_guard: setting };
  if (setting === undefined && shown.length === 0) return {};
  return { leak_guard: { allow: [...(setting?.allow ?? []), ...shown] } };
}

/** Returns an item of `seal_many`. @throws TypeError RangeError An argument is invalid. */
export async function sealItem(request: SealRequest): Promise<SealItem> {
  checkRequest(request);
  const { data, ...options } = request;
  const params = await sealParams(data, options);
  return { params, size: sizeOf(params.data) + SIZE_OF_THE_REST };
}

/** Returns an item of `unseal_many`. @throws TypeError RangeError An argument is invalid. */
export function unsealItem(request: UnsealRequest): RequestParams {
  checkRequest(request);
  const { requestingPrincipal } = request;
  const id = handleIdOf(request.id, "id");
  checkPrincipal(requestingPrincipal, "requestingPrincipal");
  if (!isHandleId(id)) throw new HandleNotFoundError();
  return { id, requesting_principal: requestingPrincipal };
}

/** Performs one call of a vault's service: reads its document and writes the response. */

import { isVaultError } from "../../vault/errors.js";
import { withIds } from "../compat/original.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { InternalError } from "../service/error-reports.js";
import { type ErrorDetails, toWireError } from "../service/error-table.js";
import type { OperationName } from "../service/operations.js";
import { newRequestId } from "../service/request-id.js";
import { type MethodCall, readMethodCall, writeFault, writeMethodResponse } from "./call.js";
import { introspect, namedParams, operationOf, valueOfResult } from "./methods.js";
import { XmlRpcSyntaxError } from "./syntax-error.js";

/** Performs an operation for the caller of the request. */
export type CallService = (operation: OperationName, params: object) => Promise<object>;

/** The response to a call. */
export interface CallResponse {
  readonly document: string;
  /** Seconds to wait before another attempt. A fault has no field for it. */
  readonly retryAfterSeconds?: number | undefined;
  /** The data from which a client generates the error's message. A fault has no field for it. */
  readonly details?: ErrorDetails | undefined;
  /** The id by which operators find a fault. A fault has no field for it. */
  readonly requestId?: string | undefined;
}

const BAD_REQUEST = 400;

/**
 * Returns the response to a document, including a fault.
 *
 * @throws UnauthenticatedError The caller is unknown. HTTP has its own response for that.
 */
export async function respond(
  document: Uint8Array,
  callService: CallService,
): Promise<CallResponse> {
  try {
    const call = readMethodCall(document, { dates: "refuse" });
    if (isLarge(document)) await othersTurn();
    return { document: await respondToCall(call, callService) };
  } catch (error) {
    if (isVaultError(error, "ERR_VAULT_UNAUTHENTICATED")) throw error;
    return faultFor(error);
  }
}

/** Returns a fault for an error, with a fixed text. */
function faultFor(error: unknown): CallResponse {
  if (error instanceof XmlRpcSyntaxError) {
    const document = writeFault({ faultCode: BAD_REQUEST, faultString: error.message });
    return { document, requestId: newRequestId() };
  }
  const { faultCode, message, details, retryAfterSeconds } = toWireError(error);
  const requestId = error instanceof InternalError ? error.requestId : newRequestId();
  return {
    document: writeFault({ faultCode, faultString: message }),
    retryAfterSeconds,
    details,
    requestId,
  };
}

async function respondToCall(call: MethodCall, callService: CallService): Promise<string> {
  const operation = operationOf(call.method);
  if (operation === undefined) return respondToSystemMethod(call);
  const result = await callService(
    operation,
    withIds(namedParams(operation, call.params)) as object,
  );
  try {
    return writeMethodResponse(valueOfResult(operation, result));
  } catch (error) {
    if (operation !== "unseal_many") throw error;
    return writeMethodResponse(withFailures(result as UnsealedMany));
  }
}

function respondToSystemMethod({ method, params }: MethodCall): string {
  const value = introspect(method, params);
  if (value === undefined) throw new XmlRpcSyntaxError("unknown");
  return writeMethodResponse(value);
}

interface UnsealedMany {
  readonly outcomes: readonly object[];
}

/** One payload that XML-RPC cannot carry must not prevent the delivery of the others. */
function withFailures({ outcomes }: UnsealedMany): object[] {
  return outcomes.map((outcome) => {
    try {
      writeMethodResponse(outcome);
      return outcome;
    } catch (error) {
      const { code, message, details } = toWireError(error);
      return { ok: false, error: { code, message, ...(details && { details }) } };
    }
  });
}

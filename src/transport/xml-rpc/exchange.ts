/** One call of a vault's service: a document in, a document out. */

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

/** What answers an operation for whoever calls. */
export type CallService = (operation: OperationName, params: object) => Promise<object>;

/** What a call is answered with. */
export interface CallAnswer {
  readonly document: string;
  /** How long to wait before another try, in seconds; a fault has no room for it. */
  readonly retryAfterSeconds?: number | undefined;
  /** What a client makes the error's text of; a fault has no room for it either. */
  readonly details?: ErrorDetails | undefined;
  /** By which a fault can be found again; a fault has no room for it either. */
  readonly requestId?: string | undefined;
}

const BAD_REQUEST = 400;

/**
 * Returns the answer to a document, a fault included.
 *
 * @throws UnauthenticatedError Nobody is calling, which HTTP has its own answer for.
 */
export async function answer(document: Uint8Array, callService: CallService): Promise<CallAnswer> {
  try {
    const call = readMethodCall(document, { dates: "refuse" });
    if (isLarge(document)) await othersTurn();
    return { document: await answerCall(call, callService) };
  } catch (error) {
    if (isVaultError(error, "ERR_VAULT_UNAUTHENTICATED")) throw error;
    return faultFor(error);
  }
}

/** Returns what says what went wrong, in fixed texts. */
function faultFor(error: unknown): CallAnswer {
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

async function answerCall(call: MethodCall, callService: CallService): Promise<string> {
  const operation = operationOf(call.method);
  if (operation === undefined) return answerSystem(call);
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

function answerSystem({ method, params }: MethodCall): string {
  const value = introspect(method, params);
  if (value === undefined) throw new XmlRpcSyntaxError("unknown");
  return writeMethodResponse(value);
}

interface UnsealedMany {
  readonly outcomes: readonly object[];
}

/** One payload that XML-RPC cannot carry must not keep the others from being handed out. */
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

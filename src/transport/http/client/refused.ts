/** What an answer over HTTP means that is not the success of an operation. */
import { ServiceUnavailableError } from "../../../vault/errors.js";
import { marked, refusalOf, unclear } from "../../client/lost-response.js";
import type { ClientSettings } from "../../client/options.js";
import { ORIGINAL_STATUSES } from "../../compat/original.js";
import { readJsonAnswer } from "../../json/payload-data.js";
import { isWireErrorCode } from "../../service/error-table.js";
import type { OperationName } from "../../service/operations.js";
import { requestIdOf } from "../../service/request-id.js";
import { refusalText } from "../server/refusal.js";
import type { Received } from "./exchange.js";

/**
 * Returns the error of an answer that is no success.
 *
 * Ours is JSON with a known code and a request id; the original's is exactly `{"error": text}` under one
 * of four statuses. Everything else is the answer of something in between, such as a gateway that gave
 * up waiting, and says nothing of what the service did.
 */
export function refusedBy(
  operation: OperationName,
  received: Received,
  compatibility: ClientSettings["compatibility"],
): Error {
  const { status, retryAfterSeconds, body } = received;
  const members = membersOf(body);
  const { code, error: message, details, request_id: id } = members;
  const requestId = requestIdOf(id);
  const marks = { status, requestId };
  if (requestId !== undefined) {
    if (isWireErrorCode(code)) {
      return refusalOf(operation, { code, details, retryAfterSeconds }, marks);
    }
    const refusal = refusalText(code, message);
    if (refusal !== undefined) return marked(new ServiceUnavailableError({ refusal }), marks);
  }
  const isOriginal = compatibility === "original" && isOriginalForm(members);
  return isOriginal && ORIGINAL_STATUSES.has(status)
    ? refusalOf(operation, { faultCode: status }, { status })
    : unclear(operation, { status });
}

type Members = Readonly<Record<string, unknown>>;

function membersOf(body: Received["body"]): Members {
  try {
    return Object(readJsonAnswer(body.toString("utf8"))) as Members;
  } catch {
    return {};
  }
}

function isOriginalForm(members: Members): boolean {
  return Object.keys(members).join() === "error" && typeof members["error"] === "string";
}

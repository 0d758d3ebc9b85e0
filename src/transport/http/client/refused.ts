/** Converts an HTTP response that is not a success into an error. */
import { ServiceUnavailableError } from "../../../vault/errors.js";
import { marked, refusalOf, unclear } from "../../client/lost-response.js";
import type { ClientSettings } from "../../client/options.js";
import { ORIGINAL_STATUSES } from "../../compat/original.js";
import { readJsonResponse } from "../../json/payload-data.js";
import { isWireErrorCode } from "../../service/error-table.js";
import type { OperationName } from "../../service/operations.js";
import { requestIdOf } from "../../service/request-id.js";
import { refusalText } from "../server/refusal.js";
import type { Received } from "./exchange.js";

/**
 * Returns the error for a response that is not a success.
 *
 * Our servers respond with JSON that has a known code and a request id. The original's responses are exactly
 * `{"error": text}` with one of four statuses. Any other response comes from an intermediary, such as a
 * gateway
 * whose time ran out, and does not show whether the service did anything.
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
    return Object(readJsonResponse(body.toString("utf8"))) as Members;
  } catch {
    return {};
  }
}

function isOriginalForm(members: Members): boolean {
  return Object.keys(members).join() === "error" && typeof members["error"] === "string";
}

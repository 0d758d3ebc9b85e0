/** Prepares a tool call: checks the conditions for running the tool, and opens its handles. */

import { NOT_EXECUTED_UNKNOWN_SUBJECT } from "../protocol/fixed-texts.js";
import {
  objectAt,
  type RequestMessage,
  type ResultMessage,
  resultResponse,
} from "../protocol/messages.js";
import { isModern } from "../protocol/revisions.js";
import { hydrateArguments } from "../values/hydrate-arguments.js";
import { type ToolResult, toolError } from "../values/tool-result.js";
import { probeVault } from "../values/vault-probe.js";
import { type OpenRequest, toServer } from "./client-requests.js";
import type { ServerContext } from "./results.js";

/** The message for the server, or the result to return in its place. */
export type PreparedCall =
  | { readonly ok: true; readonly message: RequestMessage }
  | { readonly ok: false; readonly refusal: ToolResult };

/**
 * Determines the subject of a call, checks that the vault can seal the output, and opens the
 * handles in the arguments.
 */
export async function prepareCall(
  request: OpenRequest,
  tool: string,
  context: ServerContext,
): Promise<PreparedCall> {
  const subject = await request.subject().catch(() => undefined);
  if (subject === undefined) return { ok: false, refusal: toolError(NOT_EXECUTED_UNKNOWN_SUBJECT) };
  const scope = { ...context, tool, subject };
  const unavailable = await probeVault(scope);
  if (unavailable !== undefined) return { ok: false, refusal: unavailable };
  const given = objectAt(request.message.params, "arguments");
  const hydration = await hydrateArguments(given, scope);
  if (!hydration.ok) return hydration;
  const rules = context.policy.rulesOf(scope);
  request.call = { tool, rules, echoes: hydration.echoes };
  const message = toServer(request);
  if (hydration.arguments === given) return { ok: true, message };
  const params = { ...message.params, arguments: hydration.arguments };
  return { ok: true, message: { ...message, params } };
}

/** Returns the response to a tool call that is not sent to the server. */
export function toolResponse(message: RequestMessage, result: ToolResult): ResultMessage {
  return resultResponse(
    message.id,
    isModern(message) ? { ...result, resultType: "complete" } : result,
  );
}

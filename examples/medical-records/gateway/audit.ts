/** The gateway: it opens the handles that an agent names, and records each in an audit log. */
import type { ToolResult } from "../support/mcp-client.js";

/** A connection to the records server with the gateway's token. */
export interface GatewayConnection {
  call(tool: string, args: Readonly<Record<string, unknown>>): Promise<ToolResult>;
}

/** The payload of a handle, and the audit entry of its opening. */
export interface OpenedHandle {
  readonly handle_id: string;
  readonly data: unknown;
  readonly audit_note: string;
}

/** A handle that does not open. */
export class HandleRefusedError extends Error {
  override readonly name = "HandleRefusedError";
}

/**
 * Opens a handle over the gateway's own connection. The records server decides whether the gateway may.
 *
 * @throws HandleRefusedError The handle does not open for this caller.
 */
export async function openHandle(
  records: GatewayConnection,
  handleId: string,
): Promise<OpenedHandle> {
  const { isError, text, data } = await records.call("resolve_handle", { handle_id: handleId });
  if (isError) throw new HandleRefusedError(text);
  const { resolved_by: principal } = data;
  const audit_note = `opened by ${principal} at ${new Date().toISOString()}`;
  return { handle_id: handleId, data: data["data"], audit_note };
}

/** Opens every handle in an agent's report, in the order of the report. */
export async function auditReport(
  records: GatewayConnection,
  report: string,
): Promise<readonly OpenedHandle[]> {
  const ids = new Set(report.match(/hdl_[0-9a-f]{32}/g) ?? []);
  const opened: OpenedHandle[] = [];
  for (const id of ids) opened.push(await openHandle(records, id));
  return opened;
}

/**
 * Cursors of paged lists. A cursor is a text of the server that the client sends back, so the
 * client gets a handle in place of it.
 */
import { constantView } from "../policy/safe-views.js";
import type { ToolScope } from "../values/tool-scope.js";

/** The subject and the server of a cursor, and the vault that keeps it. */
export type CursorScope = Pick<ToolScope, "vault" | "server" | "subject">;

const TTL_SECONDS = 3600;

/** Seals a server's cursor and returns the handle that the client uses as the cursor. */
export async function sealCursor(cursor: string, scope: CursorScope): Promise<string> {
  const handle = await scope.vault.seal(cursor, {
    ownerPrincipal: cursorPrincipal(scope),
    ...constantView("a cursor"),
    ttlSeconds: TTL_SECONDS,
  });
  return handle.id;
}

/**
 * Returns the server's cursor for a handle from {@link sealCursor}. Rejects for any other handle.
 */
export async function openCursor(cursor: string, scope: CursorScope): Promise<string> {
  return scope.vault.unseal<string>(cursor, cursorPrincipal(scope));
}

/**
 * Returns a principal that owns cursors only, so that a handle of a tool result cannot be used as a
 * cursor.
 */
function cursorPrincipal({ server, subject }: CursorScope): string {
  return `mcp-cursor:${server}#${subject}`;
}

/** Cursors of lists: a server's own text, which a client has to send back without having read it. */
import { constantView } from "./safe-views.js";
import type { ToolScope } from "./tool-scope.js";

/** Whose cursor it is, and where it is kept. */
export type CursorScope = Pick<ToolScope, "vault" | "server" | "subject">;

const TTL_SECONDS = 3600;

/** Returns a cursor that tells nothing. */
export async function sealCursor(cursor: string, scope: CursorScope): Promise<string> {
  const handle = await scope.vault.seal(cursor, {
    ownerPrincipal: cursorPrincipal(scope),
    ...constantView("a cursor"),
    ttlSeconds: TTL_SECONDS,
  });
  return handle.id;
}

/** Returns the server's cursor behind one that `sealCursor` gave out, and nothing else. */
export async function openCursor(cursor: string, scope: CursorScope): Promise<string> {
  return scope.vault.unseal<string>(cursor, cursorPrincipal(scope));
}

/** Owns cursors alone, so that no handle of a result can be passed for one. */
function cursorPrincipal({ server, subject }: CursorScope): string {
  return `mcp-cursor:${server}#${subject}`;
}

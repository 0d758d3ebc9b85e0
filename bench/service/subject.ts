/** What is measured beside what: the service, and echoes that do as little as a server can. */
import type { ServerAddress } from "handlevault/transport/xml-rpc";

/** The wires, each with an echo that speaks the same. */
export type WireName = "http" | "json-rpc" | "xml-rpc";

/** What `server-process.ts` serves; on a Unix socket if there is a path. */
export interface ServerTask {
  readonly wire: WireName;
  readonly subject: "echo" | "vault";
  readonly path?: string | undefined;
}

export type { ServerAddress };

export const OWNER = "spiffe://example.org/records";
export const GATEWAY = "spiffe://example.org/gateway";
export const SAFE_VIEW = "patient record, 7 fields";
/** The token that every request shows, so that callers are told as in earnest. */
export const TOKEN = "bench-token-that-is-long-enough-to-be-taken";

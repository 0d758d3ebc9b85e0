/** The measured servers: the service, and echoes, which are minimal servers. */
import type { ServerAddress } from "handlevault/transport/xml-rpc";

/** The transports; each has an echo with the same protocol. */
export type WireName = "http" | "json-rpc" | "xml-rpc";

/** The task of `server-process.ts`. With a path, it listens on a Unix socket. */
export interface ServerTask {
  readonly wire: WireName;
  readonly subject: "echo" | "vault";
  readonly path?: string | undefined;
}

export type { ServerAddress };

export const OWNER = "spiffe://example.org/records";
export const GATEWAY = "spiffe://example.org/gateway";
export const SAFE_VIEW = "patient record, 7 fields";
/** The token of every request, so that callers are authenticated as in production. */
export const TOKEN = "bench-token-that-is-long-enough-to-be-taken";

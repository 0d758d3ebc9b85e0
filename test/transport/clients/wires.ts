/** The three wires, each with its server and its client, for what must hold on all of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Authenticator } from "../../../src/auth.js";
import { type ClientOptions, VaultClient } from "../../../src/client.js";
import type { Vault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";

/** What all servers are told alike. */
export interface ServerOptions {
  readonly auth: Authenticator;
  readonly port?: number;
  readonly path?: string;
  readonly maxConnections?: number;
  readonly maxInFlight?: number;
  readonly stopTimeoutMs?: number;
}

const CONNECT = {
  http: (port: number, options: ClientOptions) =>
    VaultClient.http(`http://127.0.0.1:${port}`, options),
  "xml-rpc": (port: number, options: ClientOptions) =>
    VaultClient.rpc(`http://127.0.0.1:${port}`, options),
  "json-rpc": (port: number, options: ClientOptions) => VaultClient.socket({ port }, options),
} as const;

const SERVE = { http: serveHttp, "xml-rpc": serveXmlRpc, "json-rpc": serveJsonRpc } as const;

export type WireName = keyof typeof CONNECT;
export const WIRES = Object.keys(CONNECT) as readonly WireName[];

/** Returns a client of a wire, which is closed when the test has finished. */
export function clientOf(wire: WireName, port: number, options: ClientOptions = {}): VaultClient {
  const client = CONNECT[wire](port, options);
  onTestFinished(() => client.close());
  return client;
}

/** Serves a vault over a wire until the test has finished; on a free port unless told otherwise. */
export async function serverOf(wire: WireName, vault: Vault, options: ServerOptions) {
  const place = options.path === undefined ? { port: 0 } : {};
  const server = await SERVE[wire](vault, { ...place, ...options });
  onTestFinished(() => server.stop());
  return { server, port: server.address.port ?? 0 };
}

/** A folder for a Unix socket, which is removed when the test has finished. */
export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "hv-wires-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "vault.sock");
}

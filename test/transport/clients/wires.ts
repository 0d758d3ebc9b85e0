/** The three wires, each with its server and client, for tests that must pass on all of them. */
import { onTestFinished } from "vitest";
import type { Authenticator } from "../../../src/auth.js";
import { type ClientOptions, VaultClient } from "../../../src/client.js";
import type { Vault } from "../../../src/index.js";
import { type OnError, serveHttp } from "../../../src/transport/http.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";

/** The options that all servers share. */
export interface ServerOptions {
  readonly auth: Authenticator;
  readonly port?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly maxConnections?: number;
  readonly maxInFlight?: number;
  readonly stopTimeoutMs?: number;
  readonly failedAuthenticationsPerMinute?: number;
  readonly onError?: OnError;
}

const CONNECT = {
  http: (port: number, options: ClientOptions) => VaultClient.http(urlOf(port, options), options),
  "xml-rpc": (port: number, options: ClientOptions) =>
    VaultClient.xmlRpc(urlOf(port, options), options),
  "json-rpc": (port: number, options: ClientOptions) => VaultClient.jsonRpc({ port }, options),
} as const;

function urlOf(port: number, { tls }: ClientOptions): string {
  return `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
}

const SERVE = { http: serveHttp, "xml-rpc": serveXmlRpc, "json-rpc": serveJsonRpc } as const;

export type WireName = keyof typeof CONNECT;
export const WIRES = Object.keys(CONNECT) as readonly WireName[];

/** Returns a client of a wire, closed when the test has finished. */
export function clientOf(wire: WireName, port: number, options: ClientOptions = {}): VaultClient {
  const client = CONNECT[wire](port, options);
  onTestFinished(() => client.close());
  return client;
}

/** Serves a vault over a wire until the test has finished; on a free port by default. */
export async function serverOf(wire: WireName, vault: Vault, options: ServerOptions) {
  const server = await SERVE[wire](vault, { port: 0, ...options });
  onTestFinished(() => server.stop());
  return { server, port: server.address.port ?? 0 };
}

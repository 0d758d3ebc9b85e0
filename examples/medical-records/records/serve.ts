/** Patient records over Streamable HTTP on this machine, for callers who show a token. */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  localhostHostValidation,
  localhostOriginValidation,
  toNodeHandler,
} from "@modelcontextprotocol/node";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { deflateCompressor, HandleVault, VaultCodec } from "handlevault";
import type { Authenticator } from "handlevault/auth";
import { principalOf } from "../support/bearer.js";
import { listenLocally, type RunningServer } from "../support/listen.js";
import { recordsServers } from "./server.js";

/** The service's name in tokens: one for another service does not count here. */
export const AUDIENCE = "patient-records";

/** The adapter asks for a method, which every request that arrived at a server has. */
type NodeRequest = IncomingMessage & { method: string; url: string };

/** Starts the server with a vault of its own, in memory: compressed, then encrypted with AES-256-GCM. */
export async function serveRecords(auth: Authenticator): Promise<RunningServer> {
  const vault = new HandleVault({ codec: new VaultCodec({ compressor: deflateCompressor() }) });
  const handle = toNodeHandler(createMcpHandler(await recordsServers(vault)));
  const isLocalHost = localhostHostValidation();
  const isLocalOrigin = localhostOriginValidation();

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (!isLocalHost(request, response) || !isLocalOrigin(request, response)) return;
    const principal = await principalOf(auth, request.headers.authorization);
    if (principal === undefined) {
      response.writeHead(401, { "www-authenticate": "Bearer" }).end();
      return;
    }
    const token = { token: "", clientId: principal, scopes: [], extra: { principal } };
    await handle(Object.assign(request as NodeRequest, { auth: token }), response);
  };

  const server = await listenLocally((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await vault.close();
    },
  };
}

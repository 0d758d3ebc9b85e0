/** Serves patient records over Streamable HTTP on this machine, to callers with a token. */
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

/** The audience of tokens for this service. Tokens for other services are refused. */
export const AUDIENCE = "patient-records";

/** The request type of the adapter. It requires a method, which every received request has. */
type NodeRequest = IncomingMessage & { method: string; url: string };

/** Starts the server with its own vault in memory. Payloads are compressed, then encrypted with AES-256-GCM. */
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

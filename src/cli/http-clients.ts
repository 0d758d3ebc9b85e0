/** Serves clients over Streamable HTTP. Requires the package `@modelcontextprotocol/node`. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Authenticator } from "../auth/authenticator.js";
import { loadPeer } from "../load-peer.js";
import type { MessageFilter } from "../mcp/filter/message-filter.js";
import { boundConnections } from "../transport/http/server/connections.js";
import { Gate, type HttpRequest } from "../transport/http/server/gate.js";
import { requestOf, sendResponse } from "../transport/http/server/node-request.js";
import { LOOPBACK_HOSTS, readHandlerOptions } from "../transport/http/server/options.js";
import { REFUSALS, RefusedError } from "../transport/http/server/refusal.js";
import { responseTo } from "../transport/http/server/responder.js";
import type { ConnectionLimit } from "../transport/limits/limits.js";
import { ErrorReports } from "../transport/service/error-reports.js";
import { listen } from "../transport/sockets/listening.js";
import { RequestTooLargeError, ServiceUnavailableError } from "../vault/errors.js";
import { CommandError, FAILED } from "./command-error.js";
import type { Endpoint } from "./endpoint.js";
import { HttpSessions, type ServerTransport, type SessionLimits } from "./http-sessions.js";
import { MAX_MESSAGE_BYTES, parseMessage } from "./message-lines.js";
import { RPC_REFUSALS, RpcRefusedError, rpcResponseTo } from "./rpc-refusals.js";

/** Options of {@link serveClients}. */
export interface ServeClientsOptions {
  readonly host: string | undefined;
  readonly port: number;
  readonly auth: Authenticator;
  /** Host names that requests may use, besides `localhost` and the loopback addresses. */
  readonly allowedHosts: readonly string[];
  /** Opens a connection to the server. Each session has its own connection. */
  readonly openServer: () => Promise<Endpoint>;
  readonly openFilter: () => MessageFilter;
  readonly limits: SessionLimits;
  readonly onListening: (address: { readonly host: string; readonly port: number }) => void;
  /** Stops serving. */
  readonly signal: AbortSignal;
}

const PATH = "/mcp";
const MAX_CONNECTIONS = 1000;
const SERVER_OPTIONS = {
  headersTimeout: 5000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 16 * 1024,
} as const;

/**
 * Serves clients until the signal aborts.
 *
 * @throws CommandError The address is not available, or other machines could read the traffic.
 * @throws {@link PeerMissingError} {@link PeerBrokenError}
 */
export async function serveClients(options: ServeClientsOptions): Promise<void> {
  const { openServer, openFilter, limits, onListening, signal, host, port } = options;
  const { NodeStreamableHTTPServerTransport } = await loadPeer(
    "@modelcontextprotocol/node",
    () => import("@modelcontextprotocol/node"),
  );
  const sessions = new HttpSessions({
    limits,
    openServer,
    openFilter,
    openTransport: (events) => {
      const bounds = { maxRequestBodySize: MAX_MESSAGE_BYTES };
      const transport: unknown = new NodeStreamableHTTPServerTransport({ ...events, ...bounds });
      return transport as ServerTransport;
    },
  });
  const server = createServer(SERVER_OPTIONS);
  // No limit on the number of headers: `maxHeaderSize` limits their total size.
  server.maxHeadersCount = 0;
  const connections = boundConnections(server, MAX_CONNECTIONS);
  const gate = gateOf(options);
  const reports = new ErrorReports();
  server.on("request", (incoming, outgoing) => {
    void respond({ incoming, outgoing, gate, reports, sessions, connections, signal });
  });
  onListening(await startListening(server, host, port));
  await stopped(signal);
  await sessions.close();
  server.closeAllConnections();
  connections.destroyAll();
  await new Promise((resolve) => server.close(resolve));
}

function gateOf({ auth, allowedHosts }: ServeClientsOptions): Gate {
  const hosts = [...LOOPBACK_HOSTS, ...allowedHosts];
  return new Gate(readHandlerOptions({ auth, allowedHosts: hosts }));
}

async function startListening(
  server: Server,
  host: string | undefined,
  port: number,
): Promise<{ readonly host: string; readonly port: number }> {
  const address = await listen(server, { host, port }).catch((error: unknown) => {
    throw new CommandError(
      error instanceof TypeError
        ? "--listen must name this machine alone: put a server with TLS in front for others"
        : "the address after --listen cannot be had",
      FAILED,
    );
  });
  return { host: address.host ?? "", port: address.port ?? 0 };
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly gate: Gate;
  readonly reports: ErrorReports;
  readonly sessions: HttpSessions;
  readonly connections: ConnectionLimit;
  /** Aborts when the server stops: requests that have not started are refused. */
  readonly signal: AbortSignal;
}

/** Authenticates every request before it looks up the session. */
async function respond(exchange: Exchange): Promise<void> {
  const { incoming, outgoing, gate, reports, sessions, connections, signal } = exchange;
  const request = {
    ...requestOf(incoming),
    authenticated: () => connections.authenticated(incoming.socket),
  };
  try {
    gate.checkOrigin(request);
    if (request.path !== PATH) throw new RefusedError(REFUSALS.noRoute);
    const caller = await gate.callerOf(request);
    if (signal.aborted) throw new ServiceUnavailableError();
    if (typeof caller === "string") throw new RefusedError(REFUSALS.noRoute);
    const subject = caller.principal;
    const transport = sessions.transportOf(subject, request);
    const posted = request.method === "POST" ? await readPosted(request) : undefined;
    const handle = (by: ServerTransport) => by.handleRequest(incoming, outgoing, posted);
    await (transport === undefined
      ? sessions.begin({ subject, posted, handle })
      : handle(transport));
  } catch (error) {
    if (signal.aborted) outgoing.shouldKeepAlive = false;
    if (outgoing.headersSent) outgoing.destroy();
    else
      sendResponse(incoming, outgoing, rpcResponseTo(error) ?? responseTo(error, request, reports));
  }
}

/** @throws RpcRefusedError The body is not a JSON-RPC message, or is too large. */
async function readPosted({ readBody }: Pick<HttpRequest, "readBody">): Promise<object> {
  const bytes = await readBody(MAX_MESSAGE_BYTES).catch((error: unknown) => {
    throw error instanceof RequestTooLargeError
      ? new RpcRefusedError(RPC_REFUSALS.tooLarge)
      : error;
  });
  const message = parseMessage(bytes);
  if (message === undefined) throw new RpcRefusedError(RPC_REFUSALS.unreadable);
  return message;
}

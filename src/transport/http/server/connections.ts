/** Limits the connections of an HTTP server. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { ConnectionLimit } from "../../limits/limits.js";

/** Limits the number of a server's connections from now on, and returns that limit. */
export function boundConnections(server: Server, maxConnections: number): ConnectionLimit {
  const limit = new ConnectionLimit(maxConnections);
  // A TLS connection counts before its handshake, because a handshake may never end.
  server.on("connection", (socket: Socket) => limit.admit(socket));
  return limit;
}

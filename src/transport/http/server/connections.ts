/** Bounds the connections of an HTTP server. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { ConnectionLimit } from "../../limits/limits.js";

/** Returns the bound on a server's connections, which it keeps from now on. */
export function boundConnections(server: Server, maxConnections: number): ConnectionLimit {
  const limit = new ConnectionLimit(maxConnections);
  // An encrypted one counts as soon as it is made: a handshake that never ends is one as well.
  server.on("connection", (socket: Socket) => limit.admit(socket));
  return limit;
}

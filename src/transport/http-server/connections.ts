/** Bounds the connections of an HTTP server. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { ConnectionLimit } from "../limits.js";

/** The connections of a server. */
export interface BoundedConnections {
  /** Notes that one of them has proved who it is. */
  authenticated(socket: Socket): void;
  /** Closes all of them at once. */
  destroyAll(): void;
}

/**
 * Bounds how many connections a server has. Of an encrypted connection the server shows first the bare
 * socket, and later another one.
 */
export function boundConnections(server: Server, maxConnections: number): BoundedConnections {
  const limit = new ConnectionLimit(maxConnections);
  const bare = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    limit.admit(socket);
    const end = endOf(socket);
    bare.set(end, socket);
    socket.once("close", () => {
      if (bare.get(end) === socket) bare.delete(end);
    });
  });
  return {
    authenticated: (socket) => {
      const known = bare.get(endOf(socket));
      if (known !== undefined) limit.authenticated(known);
      limit.authenticated(socket);
    },
    destroyAll: () => limit.destroyAll(),
  };
}

/** The other end; all those of a Unix socket look alike. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Bounds the connections of an HTTP server. */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { ConnectionLimit } from "../limits.js";

/**
 * Bounds how many connections a server has, and returns what to call when one of them has proved who
 * it is. Of an encrypted connection the server shows first the bare socket, and later another one.
 */
export function boundConnections(server: Server, maxConnections: number): (socket: Socket) => void {
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
  return (socket) => {
    const known = bare.get(endOf(socket));
    if (known !== undefined) limit.authenticated(known);
    limit.authenticated(socket);
  };
}

/** The other end; all those of a Unix socket look alike. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

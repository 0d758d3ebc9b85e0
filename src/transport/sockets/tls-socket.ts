import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** Tells a connection with TLS by what it has: frameworks wrap sockets, and may load a copy of their class. */
export function isTlsSocket(socket: Socket): socket is TLSSocket {
  const { encrypted, getPeerX509Certificate } = socket as Partial<TLSSocket>;
  return encrypted === true && typeof getPeerX509Certificate === "function";
}

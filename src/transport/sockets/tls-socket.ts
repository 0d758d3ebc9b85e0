import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/**
 * Returns whether a socket uses TLS. Checks its members, because frameworks wrap sockets or load a second
 * copy of
 * the class.
 */
export function isTlsSocket(socket: Socket): socket is TLSSocket {
  const { encrypted, getPeerX509Certificate } = socket as Partial<TLSSocket>;
  return encrypted === true && typeof getPeerX509Certificate === "function";
}

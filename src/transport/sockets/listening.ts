/**
 * What the servers of all wires share: where they listen, and what they know of a connection.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4, type Server, type Socket } from "node:net";
import type { Connection } from "../../auth/authenticator.js";
import { checkBoolean, checkInteger } from "../../vault/checks.js";
import { checkTls } from "./tls-options.js";
import { isTlsSocket } from "./tls-socket.js";
import { claimSocketPath, restrictSocket } from "./unix-socket.js";

const LOOPBACK_HOST = "127.0.0.1";
const loopbackIPv6 = new BlockList();
loopbackIPv6.addAddress("::1", "ipv6");
// Those of IPv4 have forms of IPv6 as well.
loopbackIPv6.addSubnet("127.0.0.0", 8);

/** Where a server listens. */
export interface ListenOptions {
  /** A name or an address. Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** 0 for a free one. */
  readonly port?: number | undefined;
  /** A Unix socket instead of a host and port; its folder is or becomes its owner's alone. */
  readonly path?: string | undefined;
  /** What the server encrypts with, if it does. */
  readonly tls?: object | undefined;
  /** Lets a server listen to other machines without TLS: whoever is in between reads everything. */
  readonly insecureTransport?: boolean | undefined;
  /** Whether only this machine may connect. */
  readonly localOnly?: boolean | undefined;
}

/** Where a server listens: a host and port, or a Unix socket. */
export type ServerAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined };

/**
 * Makes a server listen, and returns where it does.
 *
 * @throws TypeError An option has the wrong type, or would let other machines read the traffic or
 *   claim to be this one.
 * @throws Error The address is in use or cannot be had; `code` says why, as `node:net` does.
 */
export async function listen(server: Server, options: ListenOptions): Promise<ServerAddress> {
  checkListenOptions(options);
  const { path } = options;
  return path === undefined ? listenOnPort(server, options) : listenOnPath(server, path);
}

/** Throws unless the options have the right types; what they permit is decided when listening. */
export function checkListenOptions(options: ListenOptions): void {
  const { host, port, path, tls, insecureTransport } = options;
  checkTls(tls);
  for (const [name, value] of Object.entries({ host, path })) {
    if (value === undefined) continue;
    if (typeof value !== "string") throw new TypeError(`options.${name} must be a string`);
    // An empty host listens to every machine.
    if (value === "") throw new RangeError(`options.${name} must not be empty`);
  }
  if (port !== undefined) checkInteger(port, "options.port", { min: 0, max: 65_535 });
  if (insecureTransport !== undefined) checkBoolean(insecureTransport, "options.insecureTransport");
  if (path !== undefined && host !== undefined) {
    throw new TypeError("options must not have both path and host");
  }
}

/** Tells whether a name or an address stands for this machine. */
export function isLoopbackHost(host: string): boolean {
  return isIP(host) === 0 ? host.toLowerCase() === "localhost" : isLoopback(host);
}

/** Tells whether an address is one of this machine's loopback interface. */
export function isLoopback(address: string): boolean {
  // A list of addresses takes many times as long, and most connections are asked about once.
  if (isIPv4(address)) return address.startsWith("127.");
  return loopbackIPv6.check(address, "ipv6");
}

const connections = new WeakMap<Socket, Connection>();

/** Returns what is known of a connection; ask while it is open, and then any time. */
export function connectionOf(socket: Socket): Connection {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const connection = readConnection(socket);
  connections.set(socket, connection);
  return connection;
}

function readConnection(socket: Socket): Connection {
  const { remoteAddress, destroyed } = socket;
  const peerCertificate =
    isTlsSocket(socket) && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  // A connection that has ended meanwhile has no address either: it must not pass for a local one.
  const isUnix = remoteAddress === undefined && socket.localAddress === undefined && !destroyed;
  const isLocal = remoteAddress === undefined ? isUnix : isLoopback(remoteAddress);
  return { remoteAddress, isLocal, peerCertificate };
}

async function listenOnPort(server: Server, options: ListenOptions): Promise<ServerAddress> {
  // The name is resolved here, so that what is checked is what is listened on.
  const { address } = await lookup(options.host ?? LOOPBACK_HOST);
  if (!isLoopback(address)) checkExposure(options);
  await started(server, () =>
    server.listen({ host: address, port: options.port ?? 0, exclusive: true }),
  );
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) throw new TypeError("the server was closed");
  return { host: bound.address, port: bound.port };
}

function checkExposure({ localOnly, tls, insecureTransport }: ListenOptions): void {
  if (localOnly === true) {
    throw new TypeError(
      "options.auth believes what local callers say: listen on the loopback interface or a Unix socket",
    );
  }
  if (tls === undefined && insecureTransport !== true) {
    throw new TypeError(
      "options.host lets other machines connect: give options.tls, or insecureTransport: true",
    );
  }
}

async function listenOnPath(server: Server, path: string): Promise<ServerAddress> {
  await claimSocketPath(path);
  await started(server, () => server.listen({ path, exclusive: true }));
  restrictSocket(path);
  return { path };
}

function started(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    start();
  });
}

/**
 * Shared code of all servers: their addresses, and the properties of their connections.
 *
 * @module
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4, type Server, type Socket } from "node:net";
import type { Connection } from "../../auth/authenticator.js";
import { checkBoolean } from "../../vault/checks.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  type WithDefaults,
} from "../../vault/options.js";
import { checkTls } from "./tls-options.js";
import { isTlsSocket } from "./tls-socket.js";
import { claimSocketPath, restrictSocket } from "./unix-socket.js";

const LOOPBACK_HOST = "127.0.0.1";
const loopbackIPv6 = new BlockList();
loopbackIPv6.addAddress("::1", "ipv6");
// The IPv4 addresses also have IPv6 forms.
loopbackIPv6.addSubnet("127.0.0.0", 8);

/** The address options of a server. */
export interface ListenOptions {
  /** A name or an address. Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** 0 for a free port. */
  readonly port?: number | undefined;
  /**
   * A Unix socket instead of a host and port. Its folder must be, or is made, accessible only to its owner.
   */
  readonly path?: string | undefined;
  /** The server's TLS options, if it uses TLS. */
  readonly tls?: object | undefined;
  /**
   * Allows a server to listen to other machines without TLS: attackers on the network can read everything.
   */
  readonly insecureTransport?: boolean | undefined;
  /** Whether only this machine may connect. */
  readonly localOnly?: boolean | undefined;
}

/** The address of a server: a host and port, or a Unix socket. */
export type ServerAddress =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined };

/**
 * Makes a server listen, and returns its address.
 *
 * @throws TypeError An option has the wrong type, or would let other machines read the traffic or
 * pass for this one.
 * @throws Error The address is in use or not available; `code` gives the reason, as in `node:net`.
 */
export async function listen(server: Server, options: ListenOptions): Promise<ServerAddress> {
  checkOneAddress(options);
  const { path } = options;
  return path === undefined ? listenOnPort(server, options) : listenOnPath(server, path);
}

/** The options that every server has for its address. Whether they are safe is checked when it listens. */
export const LISTEN_OPTIONS: OptionsTable<WithDefaults<Omit<ListenOptions, "localOnly">>> = {
  host: optional(checkText),
  port: optional(integerWithin(0, 65_535)),
  path: optional(checkText),
  tls: optional(checkTls),
  insecureTransport: optional(checkBoolean),
};

/** Throws unless a server has one address only. */
export function checkOneAddress({ host, path }: Pick<ListenOptions, "host" | "path">): void {
  if (path !== undefined && host !== undefined) {
    throw new TypeError("options must not have both path and host");
  }
}

function checkText(value: unknown, place: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${place} must be a string`);
  // An empty host would listen to every machine.
  if (value === "") throw new RangeError(`${place} must not be empty`);
}

/** Returns whether a name or an address is of this machine's loopback interface. */
export function isLoopbackHost(host: string): boolean {
  return isIP(host) === 0 ? host.toLowerCase() === "localhost" : isLoopback(host);
}

/** Returns whether an address is of this machine's loopback interface. */
export function isLoopback(address: string): boolean {
  // A list of addresses takes many times as long, and most connections are checked once.
  if (isIPv4(address)) return address.startsWith("127.");
  return loopbackIPv6.check(address, "ipv6");
}

const connections = new WeakMap<Socket, Connection>();

/**
 * Returns the properties of a connection. Call it first while the connection is open; the result stays valid
 * later.
 */
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
  // A connection that has closed in between has no address either, and must not count as a local one.
  const isUnix = remoteAddress === undefined && socket.localAddress === undefined && !destroyed;
  const isLocal = remoteAddress === undefined ? isUnix : isLoopback(remoteAddress);
  return { remoteAddress, isLocal, peerCertificate };
}

async function listenOnPort(server: Server, options: ListenOptions): Promise<ServerAddress> {
  // The name is resolved here, so that the server listens on the same address that was checked.
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

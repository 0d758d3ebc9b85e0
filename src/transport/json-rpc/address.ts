import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import { checkInteger, checkOptions } from "../../vault/checks.js";
import { withLeastVersion } from "../sockets/tls-options.js";
import { ConnectionLostError } from "./connection-lost.js";

/** The address of a JSON-RPC server: a host and port, or a Unix socket. */
export type JsonRpcAddress =
  | { readonly host?: string | undefined; readonly port?: number | undefined }
  | { readonly path: string };

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8423;
const KEEP_ALIVE_MS = 15_000;
const TIMEOUT = "timeout";
const MEMBERS: ReadonlySet<string> = new Set(["host", "port", "path"]);

/** The complete address to connect to. */
export type Destination =
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

/**
 * Returns the destination for an address.
 *
 * @throws TypeError RangeError The address is invalid.
 */
export function destinationOf(address: JsonRpcAddress): Destination {
  if (typeof address !== "object" || address === null) {
    throw new TypeError("address must be an object: { host, port }, or { path } for a Unix socket");
  }
  checkOptions(address, "address", MEMBERS);
  const { host, port, path } = address as Partial<Record<"host" | "path", unknown>> & {
    port?: unknown;
  };
  if (path !== undefined) {
    checkText(path, "address.path");
    if (host !== undefined || port !== undefined) {
      throw new TypeError("address must not have both path and host or port");
    }
    return { path };
  }
  if (host !== undefined) checkText(host, "address.host");
  if (port !== undefined) checkInteger(port, "address.port", { min: 1, max: 65_535 });
  return { host: host ?? DEFAULT_HOST, port: port ?? DEFAULT_PORT };
}

function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
  if (value === "") throw new RangeError(`${name} must not be empty`);
}

/** The settings for connecting. */
export interface Connecting {
  readonly tls: ConnectionOptions | undefined;
  readonly timeoutMs: number;
}

/**
 * Resolves to an open connection, after the TLS handshake if there is one.
 *
 * @throws {@link ConnectionLostError} Connecting failed or took too long.
 */
export function connectTo(
  destination: Destination,
  { tls, timeoutMs }: Connecting,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const options = { ...destination, noDelay: true, keepAlive: true };
    const socket =
      tls === undefined
        ? connect({ ...options, keepAliveInitialDelay: KEEP_ALIVE_MS })
        : connectTls({ ...serverName(destination), ...withLeastVersion(tls), ...destination });
    const fail = (reason: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      const isLate = reason === TIMEOUT;
      reject(new ConnectionLostError(`connecting failed: ${reason}`, { wasSent: false, isLate }));
    };
    const timer = setTimeout(() => fail(TIMEOUT), timeoutMs);
    const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? "error");
    const onClose = (): void => fail("closed");
    socket.on("error", onError).on("close", onClose);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", onError).off("close", onClose);
      socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(socket);
    });
  });
}

/** The server name for TLS. An IP address is not allowed there (RFC 6066, section 3). */
function serverName(destination: Destination): { servername?: string } {
  if ("path" in destination || /^[\d.]+$|:/.test(destination.host)) return {};
  return { servername: destination.host };
}

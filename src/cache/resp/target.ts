/** The servers that a cache connects to, and the corresponding arguments of ioredis and iovalkey. */
import type { ConnectionOptions } from "node:tls";
import { checkInteger, checkOptions } from "../../vault/checks.js";
import { readUrl } from "./url.js";

const OF_SENTINELS = ["name", "sentinelUsername", "sentinelPassword", "sentinelTls"] as const;
const STRINGS = [
  ...(["url", "host", "path", "username", "password", "name"] as const),
  ...(["sentinelUsername", "sentinelPassword"] as const),
] as const;
const TARGET: ReadonlySet<string> = new Set([
  ...["url", "host", "port", "family", "path", "username", "password", "db", "tls", "cluster"],
  ...["sentinels", "connectTimeoutMs", ...OF_SENTINELS],
]);
const ADDRESS: ReadonlySet<string> = new Set(["host", "port"]);
/** The members that each kind of target excludes, because the client libraries would ignore them. */
const EXCLUDED = {
  cluster: ["sentinels", "url", "host", "port", "path", "family", "db"],
  sentinels: ["url", "host", "port", "path", "family"],
  path: ["url", "host", "port", "family"],
} as const;
const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
/** A connection that receives no reply for so long is closed and opened again. */
const SILENCE_MS = 10_000;
const LONGEST_RETRY_MS = 1000;

/** A host and a port. */
export interface RespAddress {
  readonly host: string;
  readonly port: number;
}

/** How to verify a server and to authenticate to it: options of `node:tls`. */
export type RespTlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/** A server by `url` or by its parts, a `cluster`, or a master that `sentinels` know. */
export interface RespTarget {
  /**
   * `redis://user:password@host:port/db`, or `rediss://…` for TLS. Other members take precedence. The query
   * may have `username`, `password`, `db`, `tls=true`, `family`, `connectTimeout` (milliseconds), and
   * `keyPrefix`, which is an option of the cache.
   */
  readonly url?: string | undefined;
  /** Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  /** The version of the Internet Protocol. Default: the version that the name of the host resolves to. */
  readonly family?: 4 | 6 | undefined;
  /** A Unix socket instead of a host and port. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The number of the database. Default 0, which is the only one of a cluster. */
  readonly db?: number | undefined;
  /** Uses TLS: `{}` for the system's certificate authorities, or options such as `ca`. */
  readonly tls?: RespTlsOptions | undefined;
  /** Some nodes of a cluster; the others are discovered. */
  readonly cluster?: readonly RespAddress[] | undefined;
  /** Sentinels that know the address of the master. */
  readonly sentinels?: readonly RespAddress[] | undefined;
  /** The name of the master in the configuration of the sentinels. */
  readonly name?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Uses TLS for connections to the sentinels. */
  readonly sentinelTls?: RespTlsOptions | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** The arguments of the client libraries' constructors. */
export type PeerArguments =
  | { readonly kind: "server"; readonly options: object }
  | { readonly kind: "cluster"; readonly nodes: readonly RespAddress[]; readonly options: object };

/** A target as an object, with the key prefix of its URL. */
export interface ReadTarget extends RespTarget {
  readonly keyPrefix?: string | undefined;
}

/** Returns the target as an object that includes the parts of its URL. */
export function readTarget(target: string | RespTarget): ReadTarget {
  const given: RespTarget = typeof target === "string" ? { url: target } : target;
  checkOptions(given, "target", TARGET);
  checkStrings(given);
  // A member that is undefined must not override a part of the URL, such as TLS.
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  const parts = given.url === undefined ? {} : readUrl(given.url);
  const merged: ReadTarget = { ...parts, ...Object.fromEntries(defined) };
  checkTarget(merged);
  return merged;
}

/** Returns how long connecting may take, in milliseconds. */
export function connectTimeoutOf(target: RespTarget): number {
  return target.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
}

/** Returns the arguments of the client library's constructor. */
export function toPeerArguments(target: RespTarget): PeerArguments {
  const { cluster, sentinels, path, db = 0 } = target;
  const options = connectionOptions(target);
  if (cluster !== undefined) {
    return { kind: "cluster", nodes: cluster, options: clusterOptions(target, options) };
  }
  const resilience = { ...options, retryStrategy: retryDelayMs, db };
  if (sentinels !== undefined) {
    return { kind: "server", options: { ...resilience, ...sentinelOptions(target) } };
  }
  const place = path === undefined ? placeOf(target) : { path };
  return { kind: "server", options: { ...resilience, ...place } };
}

function placeOf({ host = "127.0.0.1", port = 6379, family }: RespTarget): object {
  return { host, port, ...(family === undefined ? {} : { family }) };
}

/**
 * Returns options with which the client library neither queues commands while it is disconnected nor
 * sends a command twice. The cache itself repeats commands, within the deadline of each call.
 */
function connectionOptions(target: RespTarget): object {
  const { username, password, tls } = target;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    enableOfflineQueue: false,
    // Zero, so that a command in flight fails when its connection is lost, rather than never.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    connectTimeout: connectTimeoutOf(target),
    socketTimeout: SILENCE_MS,
    // Protocol 2 suffices, and HELLO and CLIENT would need further permissions.
    protocol: 2,
    disableClientInfo: true,
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  };
}

function clusterOptions(target: RespTarget, redisOptions: object): object {
  // Certificates contain host names, so names must not be resolved to addresses before connecting.
  const names = {
    dnsLookup: (address: string, done: (error: null, address: string) => void) =>
      done(null, address),
  };
  return {
    ...(target.tls === undefined ? {} : names),
    redisOptions,
    lazyConnect: true,
    scaleReads: "master",
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    enableReadyCheck: false,
    clusterRetryStrategy: retryDelayMs,
    // The cache repeats commands itself, because it knows which ones are safe to repeat.
    retryDelayOnFailover: 0,
    retryDelayOnTryAgain: 20,
  };
}

function sentinelOptions(target: RespTarget): object {
  const { sentinels, name, sentinelUsername, sentinelPassword, sentinelTls, tls } = target;
  return {
    sentinels,
    name,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(sentinelTls === undefined ? {} : { sentinelTLS: sentinelTls }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true }),
    // Sentinels may still name the old master, so the role of the server must be checked.
    enableReadyCheck: true,
    sentinelRetryStrategy: retryDelayMs,
  };
}

function retryDelayMs(attempt: number): number {
  return Math.min(LONGEST_RETRY_MS, 25 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

function checkStrings(target: RespTarget): void {
  for (const option of STRINGS) {
    const value = target[option];
    if (value !== undefined && typeof value !== "string") {
      throw new TypeError(`target.${option} must be a string`);
    }
  }
}

function checkTarget(target: RespTarget): void {
  for (const option of ["tls", "sentinelTls"] as const) {
    const value: unknown = target[option];
    if (value !== undefined && (typeof value !== "object" || value === null)) {
      throw new TypeError(`target.${option} must be an object with options of node:tls`);
    }
  }
  const { port, db, family, connectTimeoutMs, cluster, sentinels } = target;
  if (port !== undefined) checkInteger(port, "target.port", { min: 1, max: 65_535 });
  if (db !== undefined) checkInteger(db, "target.db", { min: 0, max: 2 ** 31 - 1 });
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new RangeError("target.family must be 4 or 6");
  }
  if (connectTimeoutMs !== undefined) {
    checkInteger(connectTimeoutMs, "target.connectTimeoutMs", { min: 1, max: 600_000 });
  }
  checkAddresses(cluster, "target.cluster");
  checkAddresses(sentinels, "target.sentinels");
  checkPlace(target);
}

/** Throws if the client library would ignore a member, because the target has members of two kinds. */
function checkPlace(target: RespTarget): void {
  for (const [place, others] of Object.entries(EXCLUDED)) {
    if (target[place as keyof typeof EXCLUDED] === undefined) continue;
    // A cluster has database 0.
    const other = others.find((name) => target[name] !== undefined && target[name] !== 0);
    if (other !== undefined) throw new TypeError(`target must not have both ${place} and ${other}`);
  }
  if (target.sentinels === undefined) {
    const stray = OF_SENTINELS.find((name) => target[name] !== undefined);
    if (stray !== undefined) throw new TypeError(`target.${stray} needs target.sentinels`);
  } else if (target.name === undefined) {
    throw new TypeError("target.name must say which master the sentinels are asked for");
  }
}

function checkAddresses(addresses: unknown, name: string): void {
  if (addresses === undefined) return;
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new TypeError(`${name} must be an array of hosts and ports`);
  }
  for (const address of addresses as readonly unknown[]) {
    checkOptions(address, `each of ${name}`, ADDRESS);
    const { host, port } = address as Partial<RespAddress>;
    if (typeof host !== "string") {
      throw new TypeError(`${name} must be an array of hosts and ports`);
    }
    checkInteger(port, `${name}: port`, { min: 1, max: 65_535 });
  }
}

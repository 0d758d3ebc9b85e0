/** What a cache connects to, and how that is said to ioredis and iovalkey. */
import type { ConnectionOptions } from "node:tls";
import { checkInteger, checkOptions } from "../../vault/checks.js";

const TARGET: ReadonlySet<string> = new Set([
  ...["url", "host", "port", "path", "username", "password", "db", "tls", "cluster"],
  ...[
    "sentinels",
    "name",
    "sentinelUsername",
    "sentinelPassword",
    "sentinelTls",
    "connectTimeoutMs",
  ],
]);
const STRINGS = [
  ...(["url", "host", "path", "username", "password", "name"] as const),
  ...(["sentinelUsername", "sentinelPassword"] as const),
] as const;
const PROTOCOLS: ReadonlySet<string> = new Set(["redis:", "rediss:", "valkey:", "valkeys:"]);
const SECURE: ReadonlySet<string> = new Set(["rediss:", "valkeys:"]);
const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
/** A server that says nothing for so long, although it was asked something, is connected to anew. */
const SILENCE_MS = 10_000;
const LONGEST_RETRY_MS = 1000;

/** A host and a port. */
export interface RespAddress {
  readonly host: string;
  readonly port: number;
}

/** How to verify a server, and how to prove oneself to it: options of `node:tls`. */
export type RespTlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/** What to connect to: a server by `url` or by its parts, a `cluster`, or what `sentinels` name. */
export interface RespTarget {
  /** `redis://user:password@host:port/db`, or `rediss://…` for TLS. Other members take precedence. */
  readonly url?: string | undefined;
  /** Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  /** A Unix socket instead of a host and port. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The number of the database. Default 0; a cluster has no other. */
  readonly db?: number | undefined;
  /** Uses TLS: `{}` with the system's authorities, or options such as `ca`. */
  readonly tls?: RespTlsOptions | undefined;
  /** Some nodes of a cluster; the others are found from these. */
  readonly cluster?: readonly RespAddress[] | undefined;
  /** Sentinels that know where the master is. */
  readonly sentinels?: readonly RespAddress[] | undefined;
  /** The name the sentinels know the master by. */
  readonly name?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Uses TLS to the sentinels. */
  readonly sentinelTls?: RespTlsOptions | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** Arguments of the peers' constructors. */
export type PeerArguments =
  | { readonly kind: "server"; readonly options: object }
  | { readonly kind: "cluster"; readonly nodes: readonly RespAddress[]; readonly options: object };

/** Returns the target as an object, with what its URL says. */
export function readTarget(target: string | RespTarget): RespTarget {
  const given: RespTarget = typeof target === "string" ? { url: target } : target;
  checkOptions(given, "target", TARGET);
  checkTarget(given);
  // A member that is undefined must not undo what the URL says: TLS least of all.
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  const parts = given.url === undefined ? {} : partsOf(given.url);
  return { ...parts, ...Object.fromEntries(defined) };
}

/** How long connecting may take, in milliseconds. */
export function connectTimeoutOf(target: RespTarget): number {
  return target.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
}

/** Returns what the peers are to be constructed with. */
export function toPeerArguments(target: RespTarget): PeerArguments {
  const { cluster, sentinels, host = "127.0.0.1", port = 6379, path, db = 0 } = target;
  const options = connectionOptions(target);
  if (cluster !== undefined) {
    return { kind: "cluster", nodes: cluster, options: clusterOptions(target, options) };
  }
  const resilience = { ...options, retryStrategy: retryDelayMs, db };
  if (sentinels !== undefined) {
    return { kind: "server", options: { ...resilience, ...sentinelOptions(target) } };
  }
  const place = path === undefined ? { host, port } : { path };
  return { kind: "server", options: { ...resilience, ...place } };
}

/**
 * Nothing is queued while there is no connection and nothing is sent twice: the cache itself repeats
 * what may be repeated, within the deadline of each call.
 */
function connectionOptions(target: RespTarget): object {
  const { username, password, tls } = target;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    enableOfflineQueue: false,
    // Zero, so that what was under way fails with its connection rather than never.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    connectTimeout: connectTimeoutOf(target),
    socketTimeout: SILENCE_MS,
    // What the cache says needs no more, and HELLO and CLIENT need further permissions.
    protocol: 2,
    disableClientInfo: true,
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  };
}

function clusterOptions(target: RespTarget, redisOptions: object): object {
  // Certificates name hosts, not the addresses that names resolve to.
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
    // What may have been executed is the cache's to repeat, which knows whether it may be.
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
    // Sentinels may still name the old master: whether it is one has to be asked.
    enableReadyCheck: true,
    sentinelRetryStrategy: retryDelayMs,
  };
}

function retryDelayMs(attempt: number): number {
  return Math.min(LONGEST_RETRY_MS, 25 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

function checkTarget(target: RespTarget): void {
  for (const option of STRINGS) {
    const value = target[option];
    if (value !== undefined && typeof value !== "string") {
      throw new TypeError(`target.${option} must be a string`);
    }
  }
  for (const option of ["tls", "sentinelTls"] as const) {
    const value: unknown = target[option];
    if (value !== undefined && (typeof value !== "object" || value === null)) {
      throw new TypeError(`target.${option} must be an object with options of node:tls`);
    }
  }
  const { port, db, connectTimeoutMs, cluster, sentinels, name } = target;
  if (port !== undefined) checkInteger(port, "target.port", { min: 1, max: 65_535 });
  if (db !== undefined) checkInteger(db, "target.db", { min: 0, max: 2 ** 31 - 1 });
  if (connectTimeoutMs !== undefined) {
    checkInteger(connectTimeoutMs, "target.connectTimeoutMs", { min: 1, max: 600_000 });
  }
  checkAddresses(cluster, "target.cluster");
  checkAddresses(sentinels, "target.sentinels");
  if (cluster !== undefined && sentinels !== undefined) {
    throw new TypeError("target must not have both cluster and sentinels");
  }
  if (sentinels !== undefined && name === undefined) {
    throw new TypeError("target.name must say which master the sentinels are asked for");
  }
}

function checkAddresses(addresses: unknown, name: string): void {
  if (addresses === undefined) return;
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new TypeError(`${name} must be an array of hosts and ports`);
  }
  for (const address of addresses) {
    const { host, port } = (address ?? {}) as Partial<RespAddress>;
    if (typeof host !== "string")
      throw new TypeError(`${name} must be an array of hosts and ports`);
    checkInteger(port, `${name}: port`, { min: 1, max: 65_535 });
  }
}

/** Messages never repeat the URL: it may hold a password. */
function partsOf(text: string): RespTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?(\d{0,9})\/?$/.exec(url?.pathname ?? "");
  if (
    url === undefined ||
    !PROTOCOLS.has(url.protocol) ||
    url.hostname === "" ||
    database === null
  ) {
    throw notUrl();
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(url.username === "" ? {} : { username: decoded(url.username) }),
    ...(url.password === "" ? {} : { password: decoded(url.password) }),
    ...(database[1] ? { db: Number(database[1]) } : {}),
    ...(SECURE.has(url.protocol) ? { tls: {} } : {}),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notUrl();
  }
}

function notUrl(): TypeError {
  return new TypeError("target must be a URL such as redis://user:password@host:6379/0");
}

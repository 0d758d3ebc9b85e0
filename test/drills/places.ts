/** Where records outlive a process, for drills: started for one test, and opened by any process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CacheBackend,
  HandleVault,
  type HandleVaultOptions,
  KeyRing,
} from "../../src/index.js";
import { startRespCluster } from "../support/servers/resp-cluster.js";
import {
  missingServer,
  type RespProduct,
  type RespServerOptions,
  startRespServer,
} from "../support/servers/resp-server.js";

interface Node {
  readonly host: string;
  readonly port: number;
}

/** Which servers a client connects to. */
type RespTarget =
  | Node
  | { readonly cluster: readonly Node[] }
  | { readonly sentinels: readonly Node[]; readonly name: string };

/** Says how a process opens a place; it is passed to child processes as JSON. */
export type Address =
  | { readonly kind: "sqlite"; readonly path: string; readonly synchronous?: "full" | "normal" }
  | { readonly kind: "lmdb"; readonly path: string }
  | {
      readonly kind: RespProduct;
      readonly target: RespTarget;
      readonly waitForReplicas?: { readonly count: number; readonly timeoutMs: number };
    };

export interface Place {
  readonly address: Address;
  /** Ends the server, if there is one, and removes what is stored. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL and starts it again, on what it left behind. */
  crash?(): Promise<void>;
}

export interface PlaceKind {
  readonly name: string;
  /** Why it cannot be started here, naming what to install. */
  readonly missing?: string | undefined;
  start(): Promise<Place>;
}

export const SQLITE: PlaceKind = inFile("SQLite", (directory) => ({
  kind: "sqlite",
  path: join(directory, "vault.db"),
}));

export const LMDB: PlaceKind = inFile("LMDB", (directory) => ({
  kind: "lmdb",
  path: join(directory, "vault.lmdb"),
}));

export const REDIS: PlaceKind = respServer("redis", { appendFsync: "everysec" });
const VALKEY: PlaceKind = respServer("valkey", { appendFsync: "everysec" });
const REDIS_CLUSTER: PlaceKind = respCluster("redis");

export const PLACES: readonly PlaceKind[] = [SQLITE, LMDB, REDIS, VALKEY, REDIS_CLUSTER];

/** Returns a kind of place: one server of Redis or Valkey. */
export function respServer(product: RespProduct, options: RespServerOptions): PlaceKind {
  return {
    name: product === "redis" ? "Redis" : "Valkey",
    missing: missingServer(product),
    start: async () => {
      const server = await startRespServer(product, options);
      return {
        address: { kind: product, target: { host: server.host, port: server.port } },
        stop: () => server.stop(),
        crash: async () => {
          await server.kill();
          await server.restart();
        },
      };
    },
  };
}

function respCluster(product: RespProduct): PlaceKind {
  return {
    name: product === "redis" ? "Redis Cluster" : "Valkey Cluster",
    missing: missingServer(product),
    start: async () => {
      const cluster = await startRespCluster(product, { arguments: ["--appendonly", "yes"] });
      const target = { cluster: cluster.nodes };
      return { address: { kind: product, target }, stop: () => cluster.stop() };
    },
  };
}

/** Returns a kind of place: files in a directory of their own, or in one that is given. */
export function inFile(
  name: string,
  addressIn: (directory: string) => Address,
  inside: string = tmpdir(),
): PlaceKind {
  return {
    name,
    start: async () => {
      const directory = await mkdtemp(join(inside, "handlevault-drill-"));
      return {
        address: addressIn(directory),
        stop: () => rm(directory, { recursive: true, force: true }),
      };
    },
  };
}

/** Opens a place as one of its clients. */
export async function openPlace(address: Address): Promise<CacheBackend> {
  switch (address.kind) {
    case "sqlite": {
      const { openSqliteCache } = await import("../../src/cache/sqlite.js");
      return openSqliteCache(address.path, { synchronous: address.synchronous });
    }
    case "lmdb": {
      const { openLmdbCache } = await import("../../src/cache/lmdb.js");
      return openLmdbCache(address.path);
    }
    case "redis": {
      const { openRedisCache } = await import("../../src/cache/redis.js");
      return openRedisCache(address.target, { waitForReplicas: address.waitForReplicas });
    }
    case "valkey": {
      const { openValkeyCache } = await import("../../src/cache/valkey.js");
      return openValkeyCache(address.target, { waitForReplicas: address.waitForReplicas });
    }
  }
}

/** What one process of a drill seals another opens. */
const RING_KEY: string = Buffer.alloc(32, "a key for drills alone").toString("base64url");

/** Returns the ring of every process of a drill. */
export function drillRing(): KeyRing {
  return KeyRing.from({ current: "drill", keys: { drill: RING_KEY } });
}

/** Opens a vault at a place. Machines are shared: it waits longer for its cache than one would. */
export async function openVault(
  address: Address,
  options: HandleVaultOptions = {},
): Promise<HandleVault> {
  const cache = await openPlace(address);
  return new HandleVault({ cache, keys: drillRing(), cacheTimeoutMs: 30_000, ...options });
}

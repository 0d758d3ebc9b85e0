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

/** Says how a process opens a place; it is passed to child processes as JSON. */
export type Address =
  | { readonly kind: "sqlite"; readonly path: string; readonly synchronous?: "full" | "normal" }
  | { readonly kind: "lmdb"; readonly path: string }
  | { readonly kind: RespProduct; readonly port: number }
  | { readonly kind: `${RespProduct}-cluster`; readonly ports: readonly number[] };

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

export const SQLITE: PlaceKind = {
  name: "SQLite",
  start: () => inDirectory((directory) => ({ kind: "sqlite", path: join(directory, "vault.db") })),
};

export const LMDB: PlaceKind = {
  name: "LMDB",
  start: () => inDirectory((directory) => ({ kind: "lmdb", path: join(directory, "vault.lmdb") })),
};

export const REDIS: PlaceKind = respServer("redis", { appendFsync: "everysec" });
export const VALKEY: PlaceKind = respServer("valkey", { appendFsync: "everysec" });
export const REDIS_CLUSTER: PlaceKind = respCluster("redis");

/** Every kind that keeps what it acknowledged when a process is killed. */
export const DURABLE_PLACES: readonly PlaceKind[] = [SQLITE, LMDB, REDIS, VALKEY];
export const PLACES: readonly PlaceKind[] = [...DURABLE_PLACES, REDIS_CLUSTER];

/** Returns a kind of place: one server of Redis or Valkey. */
export function respServer(product: RespProduct, options: RespServerOptions): PlaceKind {
  return {
    name: product === "redis" ? "Redis" : "Valkey",
    missing: missingServer(product),
    start: async () => {
      const server = await startRespServer(product, options);
      return {
        address: { kind: product, port: server.port },
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
      const ports = cluster.nodes.map(({ port }) => port);
      return { address: { kind: `${product}-cluster`, ports }, stop: () => cluster.stop() };
    },
  };
}

async function inDirectory(addressIn: (directory: string) => Address): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), "handlevault-drill-"));
  return {
    address: addressIn(directory),
    stop: () => rm(directory, { recursive: true, force: true }),
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
      return openRedisCache({ host: "127.0.0.1", port: address.port });
    }
    case "valkey": {
      const { openValkeyCache } = await import("../../src/cache/valkey.js");
      return openValkeyCache({ host: "127.0.0.1", port: address.port });
    }
    case "redis-cluster": {
      const { openRedisCache } = await import("../../src/cache/redis.js");
      return openRedisCache({ cluster: clusterNodes(address.ports) });
    }
    case "valkey-cluster": {
      const { openValkeyCache } = await import("../../src/cache/valkey.js");
      return openValkeyCache({ cluster: clusterNodes(address.ports) });
    }
  }
}

function clusterNodes(ports: readonly number[]): { host: string; port: number }[] {
  return ports.map((port) => ({ host: "127.0.0.1", port }));
}

/** The ring of every process of a drill: what one seals another opens. */
export const RING_KEY: string = Buffer.alloc(32, "a key for drills alone").toString("base64");

/** Opens a vault at a place. Machines are shared: it waits longer for its cache than one would. */
export async function openVault(
  address: Address,
  options: HandleVaultOptions = {},
): Promise<HandleVault> {
  const cache = await openPlace(address);
  const keys = KeyRing.from({ current: "drill", keys: { drill: RING_KEY } });
  return new HandleVault({ cache, keys, cacheTimeoutMs: 30_000, ...options });
}

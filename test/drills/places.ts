/** Stores that outlive a process, for drills. Each is started for one test, and any process can open it. */
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

/** The servers that a client connects to. */
type RespTarget =
  | Node
  | { readonly cluster: readonly Node[] }
  | { readonly sentinels: readonly Node[]; readonly name: string };

/** How a process opens a store. It is passed to child processes as JSON. */
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
  /** Stops the server, if there is one, and deletes the stored data. */
  stop(): Promise<void>;
  /** Kills the server with SIGKILL and restarts it on its remaining data. */
  crash?(): Promise<void>;
}

export interface PlaceKind {
  readonly name: string;
  /** The reason why the store cannot be started here, with the package to install. */
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

/** Returns a store: one server of Redis or Valkey. */
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

/** Returns a store: files in a new directory, or in a given one. */
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

/** Opens a store as one of its clients. */
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

/** A shared key, so that all processes of a drill can open each other's records. */
const RING_KEY: string = Buffer.alloc(32, "a key for drills alone").toString("base64url");

/** Returns the key ring that every process of a drill uses. */
export function drillRing(): KeyRing {
  return KeyRing.from({ current: "drill", keys: { drill: RING_KEY } });
}

/** Opens a vault on a store. Its cache timeout is longer than the default, because machines may be busy. */
export async function openVault(
  address: Address,
  options: HandleVaultOptions = {},
): Promise<HandleVault> {
  const cache = await openPlace(address);
  return new HandleVault({ cache, keys: drillRing(), cacheTimeoutMs: 30_000, ...options });
}

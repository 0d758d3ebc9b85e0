/** The caches that outlive a process, each with a floor: the least code that stores a blob in the same place. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CacheBackend } from "handlevault";
import { type RespProduct, startRespServer } from "../test/support/servers/resp-server.js";
import { LIFETIME_MS } from "./floor.js";

/** Stores blobs by id. */
interface BlobStore {
  put(id: string, blob: Buffer): unknown;
  get(id: string): Buffer | Promise<Buffer>;
  close(): unknown;
}

/** A cache and its floor, in the same place with the same settings. */
export interface Backend {
  /** The number of calls in flight. */
  readonly inFlight: number;
  openFloor(): Promise<BlobStore>;
  openCache(): Promise<CacheBackend>;
  /** Returns the stored bytes of all caches. Call it while they are closed. */
  storedBytes(): Promise<number>;
  stop(): Promise<void>;
}

export const BACKENDS = {
  sqlite: () => sqlite("normal", 1),
  "sqlite-full-alone": () => sqlite("full", 1),
  "sqlite-full": () => sqlite("full", 64),
  lmdb,
  redis: () => resp("redis"),
  valkey: () => resp("valkey"),
} as const satisfies Record<string, () => Promise<Backend>>;

export type BackendName = keyof typeof BACKENDS;

async function sqlite(synchronous: "full" | "normal", inFlight: number): Promise<Backend> {
  const { default: Database } = await import("better-sqlite3");
  const { openSqliteCache } = await import("handlevault/cache/sqlite");
  return inDirectory(inFlight, {
    openFloor: async (path) => {
      const database = new Database(path);
      database.pragma("journal_mode = WAL");
      database.pragma(`synchronous = ${synchronous}`);
      database.exec("CREATE TABLE blobs (id TEXT NOT NULL UNIQUE, blob BLOB NOT NULL)");
      const insert = database.prepare<[string, Buffer]>("INSERT INTO blobs VALUES (?, ?)");
      const select = database.prepare<[string], Buffer>("SELECT blob FROM blobs WHERE id = ?");
      select.pluck();
      const insertAll = database.transaction((rows: readonly Row[]) => {
        for (const [id, blob] of rows) insert.run(id, blob);
      });
      return {
        put: inFlight === 1 ? (id, blob) => insert.run(id, blob) : together(insertAll),
        get: (id) => found(select.get(id)),
        close: () => database.close(),
      };
    },
    openCache: (path) => openSqliteCache(path, { synchronous }),
  });
}

type Row = readonly [id: string, blob: Buffer];

/** Returns a `put` that stores all blobs of one round of microtasks together. */
function together(storeAll: (rows: readonly Row[]) => void): BlobStore["put"] {
  let rows: Row[] = [];
  let stored: Promise<void> | undefined;
  const store = () => {
    const batch = rows;
    rows = [];
    stored = undefined;
    storeAll(batch);
  };
  return (id, blob) => {
    rows.push([id, blob]);
    stored ??= Promise.resolve().then(store);
    return stored;
  };
}

async function lmdb(): Promise<Backend> {
  const { open } = await import("lmdb");
  const { openLmdbCache } = await import("handlevault/cache/lmdb");
  return inDirectory(64, {
    openFloor: async (path) => {
      const database = open<Buffer, string>({ path, encoding: "binary", overlappingSync: false });
      return {
        put: (id, blob) => database.put(id, blob),
        get: (id) => found(database.get(id)),
        close: () => database.close(),
      };
    },
    openCache: (path) => openLmdbCache(path),
  });
}

/** A server without persistence: only the round trip is measured. */
async function resp(product: RespProduct): Promise<Backend> {
  const [server, floorServer] = [await startRespServer(product), await startRespServer(product)];
  const client = await clientOf(product);
  return {
    inFlight: 64,
    openFloor: async () => {
      const connection = client(floorServer.port);
      return {
        put: (id, blob) => connection.set(id, blob, "PX", LIFETIME_MS, "NX"),
        get: async (id) => found(await connection.getBuffer(id)),
        close: () => connection.quit(),
      };
    },
    openCache: async () => {
      const target = { host: "127.0.0.1", port: server.port };
      if (product === "redis") {
        const { openRedisCache } = await import("handlevault/cache/redis");
        return openRedisCache(target);
      }
      const { openValkeyCache } = await import("handlevault/cache/valkey");
      return openValkeyCache(target);
    },
    storedBytes: async () => {
      const connection = client(server.port);
      const info = await connection.info("memory");
      await connection.quit();
      return Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]);
    },
    stop: async () => {
      await server.stop();
      await floorServer.stop();
    },
  };
}

/** Loads only the measured package, because the effects of loading it are part of its cost. */
async function clientOf(product: RespProduct) {
  const settings = { enableAutoPipelining: true, protocol: 2, disableClientInfo: true } as const;
  if (product === "redis") {
    const { Redis } = await import("ioredis");
    return (port: number) => new Redis({ port, ...settings });
  }
  const { Valkey } = await import("iovalkey");
  return (port: number) => new Valkey({ port, ...settings });
}

interface Opening {
  readonly openFloor: (path: string) => Promise<BlobStore>;
  readonly openCache: (path: string) => Promise<CacheBackend>;
}

function inDirectory(inFlight: number, { openFloor, openCache }: Opening): Backend {
  const directory = mkdtempSync(join(tmpdir(), "handlevault-bench-"));
  let caches = 0;
  let floors = 0;
  return {
    inFlight,
    openFloor: () => openFloor(join(directory, `floor-${floors++}`)),
    openCache: () => openCache(join(directory, `cache-${caches++}`)),
    storedBytes: async () =>
      readdirSync(directory)
        .filter((name) => name.startsWith("cache-") && !name.endsWith("-ballast"))
        .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0),
    stop: async () => rmSync(directory, { recursive: true }),
  };
}

function found(blob: Buffer | null | undefined): Buffer {
  if (blob === null || blob === undefined) throw new Error("not found");
  return blob;
}

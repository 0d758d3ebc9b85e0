import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { lruCache } from "../../src/cache/lru.js";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import {
  type CacheBackend,
  generateKey,
  HandleVault,
  KeyRing,
  memoryCache,
} from "../../src/index.js";
import { fakeTimers } from "../support/fake-timers.js";
import { type RespCluster, startRespCluster } from "../support/servers/resp-cluster.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { OWNER, sealOptions } from "../support/vault.js";

type Open = () => CacheBackend | Promise<CacheBackend>;

const LARGE = "large".repeat(100_000);

/** Seals, unseals, counts uses, deletes, purges and closes. */
async function useVaultOn(open: Open): Promise<void> {
  const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
  const vault = new HandleVault({ cache: await open(), keys, acceptVolatile: true });
  const [small, large] = await Promise.all([
    vault.seal("small", sealOptions()),
    vault.seal(LARGE, sealOptions({ maxUses: 2 })),
  ]);
  expect(await vault.unseal(small.id, OWNER)).toBe("small");
  expect(await vault.unseal(large.id, OWNER)).toBe(LARGE);
  await vault.invalidate(small.id);
  await vault.purgeExpired();
  await vault.close();
}

describe("a vault under fake timers that are never advanced settles every call", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "handlevault-timers-"));
  });

  afterAll(() => rm(folder, { recursive: true }));

  const inProcess: readonly (readonly [name: string, open: Open])[] = [
    ["memory", memoryCache],
    ["lru-cache", () => lruCache({ maxEntries: 100 })],
    ["SQLite", () => openSqliteCache(join(folder, "timers.sqlite"))],
    ["LMDB", () => openLmdbCache(join(folder, "timers.mdb"))],
  ];

  it.each(inProcess)("on %s", async (_, open) => {
    fakeTimers();
    await useVaultOn(open);
  });
});

for (const product of ["redis", "valkey"] as const) {
  const missing = missingServer(product);
  const open = { redis: openRedisCache, valkey: openValkeyCache }[product];

  describe.skipIf(missing !== undefined)(missing ?? `fake timers over ${product}`, () => {
    let server: RespServer;
    let cluster: RespCluster;

    beforeAll(async () => {
      [server, cluster] = await Promise.all([startRespServer(product), startRespCluster(product)]);
    });

    afterAll(() => Promise.all([server.stop(), cluster.stop()]));

    it("do not block a vault on one server", async () => {
      fakeTimers();
      await useVaultOn(() => open({ port: server.port }));
    });

    it("do not block a vault on a cluster", async () => {
      fakeTimers();
      await useVaultOn(() => open({ cluster: cluster.nodes }));
    });

    it("do not block a vault over a connection that a caller owns", async () => {
      fakeTimers();
      const connection = new Redis({ port: server.port });
      await useVaultOn(() => redisCache(connection));
      connection.disconnect();
    });
  });
}

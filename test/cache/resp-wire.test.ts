import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import {
  checkLargeRecord,
  HEAD_OPERATIONS,
  LARGE_BYTES,
  type LargeRecord,
  sealLargeRecord,
} from "../support/large-record.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const SMALL_BYTES = 2 ** 16;

describe.each([
  { title: "a Redis server", product: "redis", openCache: openRedisCache },
  { title: "a Valkey server", product: "valkey", openCache: openValkeyCache },
] as const)("a 16 MiB payload on $title", ({ product, openCache }) => {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? "that counts what it takes and gives", () => {
    let server: RespServer;
    let watcher: Redis;
    let record: LargeRecord;

    beforeAll(async () => {
      server = await startRespServer(product, { appendFsync: "everysec" });
      watcher = new Redis({ port: server.port });
      record = await sealLargeRecord(await openCache({ port: server.port }));
    });

    afterAll(async () => {
      await record.vault.close();
      watcher.disconnect();
      await server.stop();
    });

    /** Returns how many bytes the server receives and sends during a call. */
    async function bytesMoved(operation: () => Promise<unknown>): Promise<number> {
      const before = await totalBytes();
      await operation();
      return (await totalBytes()) - before;
    }

    async function totalBytes(): Promise<number> {
      const stats = await watcher.info("stats");
      const fields = [...stats.matchAll(/^total_net_(?:input|output)_bytes:(\d+)/gm)];
      return fields.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
    }

    it.each(HEAD_OPERATIONS)("%s moves less than 64 KiB", async (_, operation) => {
      const moved = await bytesMoved(() => operation(record));
      expect(moved).toBeGreaterThan(0);
      expect(moved).toBeLessThan(SMALL_BYTES);
    });

    it("an unseal transfers it once, and returns it unchanged", async () => {
      const moved = await bytesMoved(() => checkLargeRecord(record));
      expect(moved).toBeGreaterThanOrEqual(LARGE_BYTES);
      expect(moved).toBeLessThan(LARGE_BYTES + SMALL_BYTES);
    });

    it("an invalidation removes the body, too", async () => {
      expect(await watcher.dbsize()).toBe(2);
      await record.vault.invalidate(record.id);
      expect(await watcher.dbsize()).toBe(0);
    });
  });
});

import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { redisCache } from "../../src/cache/redis.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const missing = missingServer("redis");
const OPTIONS = { purgeAfterMs: 60_000 };

describe.skipIf(missing !== undefined)(
  missing ?? "operations of one turn of the event loop",
  () => {
    let server: RespServer;
    let connection: Redis;
    let cache: ReturnType<typeof redisCache>;
    let pipelines: ReturnType<typeof vi.spyOn>;

    beforeEach(async () => {
      server = await startRespServer("redis", { appendFsync: "no" });
      connection = new Redis({ port: server.port, enableOfflineQueue: false, lazyConnect: true });
      cache = redisCache(connection);
      await cache.ready();
      pipelines = vi.spyOn(connection, "pipeline");
    });

    afterEach(async () => {
      connection.disconnect();
      await server.stop();
    });

    function insert(key: string, headBytes: number): Promise<string> {
      const record = { head: new Uint8Array(headBytes).fill(7) };
      return Promise.resolve(cache.insert(key, record, OPTIONS));
    }

    it("are sent together", async () => {
      await Promise.all([insert("a", 100), cache.get("b"), cache.delete("c"), insert("d", 100)]);
      expect(pipelines).toHaveBeenCalledTimes(1);
    });

    it("are sent before the end of the turn if they are many", async () => {
      const inserting = Array.from({ length: 100 }, (_, index) => insert(`${index}`, 100));
      expect(pipelines).toHaveBeenCalledTimes(4);
      expect(new Set(await Promise.all(inserting))).toEqual(new Set(["inserted"]));
      expect(pipelines).toHaveBeenCalledTimes(5);
    });

    it("are sent before the end of the turn if they are large", async () => {
      const inserting = Array.from({ length: 5 }, (_, index) => insert(`${index}`, 32_768));
      expect(pipelines).toHaveBeenCalledTimes(2);
      expect(new Set(await Promise.all(inserting))).toEqual(new Set(["inserted"]));
      expect(pipelines).toHaveBeenCalledTimes(3);
    });
  },
);

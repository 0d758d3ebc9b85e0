import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import type { CacheBackend, Revision } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { startTcpProxy, type TcpProxy } from "../support/servers/tcp-proxy.js";

const missing = missingServer("redis");
const LONG = { purgeAfterMs: 60_000 } as const;
const [OLD, NEW, BODY] = [Buffer.from("old"), Buffer.from("new"), Buffer.from("body")];
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };

describe.skipIf(missing !== undefined)(missing ?? "a reply that is lost after a write", () => {
  let server: RespServer;
  let proxy: TcpProxy;
  let keys = 0;
  let key = "";

  beforeAll(async () => {
    server = await startRespServer("redis");
    proxy = await startTcpProxy(server.port);
  });

  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  beforeEach(() => {
    keys += 1;
    key = `key-${keys}`;
  });

  describe("of a connection that was opened", () => {
    declareLaws(async () => ({
      cache: await openRedisCache({ port: proxy.port }),
      release: async () => undefined,
    }));
  });

  describe("of a connection that resends commands", () => {
    declareLaws(async () => {
      const connection = new Redis({ port: proxy.port, retryStrategy: () => 20 });
      return { cache: redisCache(connection), release: async () => connection.disconnect() };
    });
  });

  function declareLaws(
    open: () => Promise<{ cache: CacheBackend; release: () => Promise<void> }>,
  ): void {
    let cache: CacheBackend;
    let release: () => Promise<void>;

    beforeEach(async () => {
      ({ cache, release } = await open());
      await cache.ready();
    });

    afterEach(async () => {
      await cache.close();
      await release();
    });

    it("an insert succeeds, and is executed once", async () => {
      proxy.loseNextReply();
      expect(await cache.insert(key, { head: NEW }, LONG)).toBe("inserted");
      expect((await entry()).head).toEqual(NEW);
      expect(await cache.insert(key, { head: OLD }, LONG)).toBe("exists");
    });

    it("an insert with a body succeeds, with its body", async () => {
      proxy.loseNextReply();
      expect(await cache.insert(key, { head: NEW, body: BODY }, LONG)).toBe("inserted");
      expect(await cache.getBody(key)).toEqual(BODY);
    });

    it("an insert that meets an orphaned body succeeds, with its own body", async () => {
      const other = new Redis({ port: server.port });
      await other.set(`hv:{${key}}:b`, "other");
      other.disconnect();
      proxy.loseNextReply();
      expect(await cache.insert(key, { head: NEW, body: BODY }, LONG)).toBe("inserted");
      expect(await cache.getBody(key)).toEqual(BODY);
    });

    it("an insert with a body returns exists if the key has another record", async () => {
      await cache.insert(key, { head: OLD, body: BODY }, LONG);
      proxy.loseNextReply();
      const record = { head: NEW, body: NEW };
      await expect(cache.insert(key, record, LONG)).rejects.toMatchObject(UNKNOWN);
      expect((await entry()).head).toEqual(OLD);
      expect(await cache.getBody(key)).toEqual(BODY);
    });

    it("an insert returns exists if the key has another record", async () => {
      await cache.insert(key, { head: OLD }, LONG);
      proxy.loseNextReply();
      await expect(cache.insert(key, { head: NEW }, LONG)).rejects.toMatchObject(UNKNOWN);
      expect((await entry()).head).toEqual(OLD);
    });

    it("a replacement succeeds", async () => {
      const ifRevision = await inserted();
      proxy.loseNextReply();
      expect(await cache.replace(key, NEW, { ifRevision })).toBe("replaced");
      expect((await entry()).head).toEqual(NEW);
      expect(await cache.replace(key, OLD, { ifRevision })).toBe("conflict");
    });

    it("a replacement of an old revision is unknown, and changes nothing", async () => {
      const ifRevision = await inserted();
      await cache.replace(key, NEW, { ifRevision });
      proxy.loseNextReply();
      await expect(cache.replace(key, OLD, { ifRevision })).rejects.toMatchObject(UNKNOWN);
      expect((await entry()).head).toEqual(NEW);
    });

    it("a deletion of one revision is unknown, and never returns absent", async () => {
      const ifRevision = await inserted();
      proxy.loseNextReply();
      await expect(cache.replace(key, undefined, { ifRevision })).rejects.toMatchObject(UNKNOWN);
      expect(await cache.get(key)).toBeUndefined();
    });

    it("an unconditional deletion returns true", async () => {
      await inserted();
      proxy.loseNextReply();
      expect(await cache.delete(key)).toBe(true);
      expect(await cache.get(key)).toBeUndefined();
    });

    it("a read is repeated", async () => {
      await inserted();
      proxy.loseNextReply();
      expect((await entry()).head).toEqual(OLD);
      proxy.loseNextReply();
      expect(await cache.getBody(key)).toEqual(BODY);
    });

    async function inserted(): Promise<Revision> {
      await cache.insert(key, { head: OLD, body: BODY }, LONG);
      return (await entry()).revision;
    }

    async function entry() {
      const found = await cache.get(key);
      if (typeof found !== "object") throw new Error("there is no record");
      return found;
    }
  }
});

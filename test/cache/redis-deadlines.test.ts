import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import type { CacheBackend } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const missing = missingServer("redis");
const LONG = { purgeAfterMs: 60_000 } as const;
const SOON = { timeoutMs: 150 } as const;
/** The time of callers who would wait until the end of a test. */
const LATE = { timeoutMs: 3_600_000 } as const;
const HEAD = Buffer.from("head");
const UNAVAILABLE = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };

describe.skipIf(missing !== undefined)(missing ?? "deadlines of a Redis cache", () => {
  let server: RespServer;
  let cache: CacheBackend;

  beforeAll(async () => {
    server = await startRespServer("redis", { appendFsync: "always" });
  });

  afterAll(() => server.stop());

  beforeEach(async () => {
    cache = await openRedisCache({ port: server.port });
    await cache.ready();
    await cache.delete("key");
    await cache.insert("key", { head: HEAD }, LONG);
  });

  afterEach(() => cache.close());

  it("a server that hangs fails reads as unavailable and writes as unknown, before patient ones end", async () => {
    const ifRevision = await revision();
    server.pause();
    try {
      const patient = patientRead();
      await Promise.all([
        expect(cache.get("key", SOON)).rejects.toMatchObject(UNAVAILABLE),
        expect(cache.getBody("key", SOON)).rejects.toMatchObject(UNAVAILABLE),
        expect(cache.scan(undefined, SOON)).rejects.toMatchObject(UNAVAILABLE),
        expect(cache.insert("new", { head: HEAD }, { ...LONG, ...SOON })).rejects.toMatchObject(
          UNKNOWN,
        ),
        expect(cache.replace("key", HEAD, { ifRevision, ...SOON })).rejects.toMatchObject(UNKNOWN),
        expect(cache.replace("key", undefined, { ifRevision, ...SOON })).rejects.toMatchObject(
          UNKNOWN,
        ),
        expect(cache.delete("other", SOON)).rejects.toMatchObject(UNKNOWN),
      ]);
      expect(patient.hasEnded()).toBe(false);
    } finally {
      server.resume();
    }
    expect(await cache.insert("after", { head: HEAD }, LONG)).toBe("inserted");
  });

  it("an aborted operation ends, and one that was aborted before it began does nothing", async () => {
    const aborted = { signal: AbortSignal.abort() };
    const insert = async () => cache.insert("never", { head: HEAD }, { ...LONG, ...aborted });
    await expect(insert()).rejects.toMatchObject(UNAVAILABLE);
    expect(await cache.get("never")).toBeUndefined();
    server.pause();
    try {
      const controller = new AbortController();
      const { signal } = controller;
      const patient = patientRead();
      const reading = cache.get("key", { signal, ...LATE });
      const writing = cache.insert("aborted", { head: HEAD }, { ...LONG, signal, ...LATE });
      controller.abort();
      await expect(reading).rejects.toMatchObject(UNAVAILABLE);
      await expect(writing).rejects.toMatchObject(UNKNOWN);
      expect(patient.hasEnded()).toBe(false);
    } finally {
      server.resume();
    }
  });

  it("while a server is down, operations fail with a certain outcome, until it is up again", async () => {
    const ifRevision = await revision();
    await server.kill();
    await expect((async () => cache.get("key", SOON))()).rejects.toMatchObject(UNAVAILABLE);
    const patient = patientRead();
    await Promise.all([
      expect(cache.get("key", SOON)).rejects.toMatchObject(UNAVAILABLE),
      expect(cache.insert("new", { head: HEAD }, { ...LONG, ...SOON })).rejects.toMatchObject(
        UNAVAILABLE,
      ),
      expect(cache.replace("key", HEAD, { ifRevision, ...SOON })).rejects.toMatchObject(
        UNAVAILABLE,
      ),
      expect(cache.delete("key", SOON)).rejects.toMatchObject(UNAVAILABLE),
    ]);
    expect(patient.hasEnded()).toBe(false);
    const waiting = [
      cache.get("key", LATE),
      cache.insert("waited", { head: HEAD }, { ...LONG, ...LATE }),
      cache.replace("key", HEAD, { ifRevision, ...LATE }),
    ];
    await server.restart();
    const [found, inserted, replaced] = await Promise.all(waiting);
    expect(found).toMatchObject({ head: HEAD });
    expect([inserted, replaced]).toEqual(["inserted", "replaced"]);
  });

  it("ready and open fail by the deadline if there is no server", async () => {
    const lazy = new Redis({ port: 1, lazyConnect: true });
    lazy.on("error", () => undefined);
    const wrapped = redisCache(lazy);
    await expect(wrapped.ready()).rejects.toMatchObject(UNAVAILABLE);
    await wrapped.close();
    lazy.disconnect();
    const target = { port: 1, connectTimeoutMs: 500 };
    await expect(openRedisCache(target)).rejects.toMatchObject(UNAVAILABLE);
    const cluster = { cluster: [{ host: "127.0.0.1", port: 1 }], connectTimeoutMs: 500 };
    await expect(openRedisCache(cluster)).rejects.toMatchObject(UNAVAILABLE);
    const sentinels = { sentinels: cluster.cluster, name: "records", connectTimeoutMs: 500 };
    await expect(openRedisCache(sentinels)).rejects.toMatchObject(UNAVAILABLE);
  });

  /** Reads for a caller who is not in a hurry. */
  function patientRead() {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    void Promise.resolve(cache.get("key", LATE)).then(end, end);
    return { hasEnded: () => isOver };
  }

  async function revision() {
    const entry = await cache.get("key");
    if (typeof entry !== "object") throw new Error("there is no record");
    return entry.revision;
  }
});

import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { Cluster, Redis } from "ioredis";
import { Valkey } from "iovalkey";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openRedisCache, type RedisTarget, redisCache } from "../../src/cache/redis.js";
import { openValkeyCache, valkeyCache } from "../../src/cache/valkey.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { makeTlsIdentity, type TlsIdentity } from "../support/servers/tls.js";

const missing = missingServer("redis");
const PASSWORD = "canary-password";
const LONG = { purgeAfterMs: 60_000 } as const;
const PATIENCE = { timeout: 20_000 } as const;
const HEAD = Buffer.from("head");
const UNAVAILABLE = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };

describe("arguments of the Redis and Valkey caches", () => {
  it.each<[name: string, target: unknown]>([
    ["no target", undefined],
    ["a URL of another protocol", `http://vault:${PASSWORD}@127.0.0.1:6379`],
    ["no URL", `vault:${PASSWORD}`],
    ["a URL with a path that is no number", `redis://vault:${PASSWORD}@host/records`],
    ["a URL with a broken escape", `redis://us%er:${PASSWORD}@host`],
    ["TLS that is no object", { url: "rediss://host", tls: false }],
    ["an unknown member", { hosts: PASSWORD }],
    ["a port that is none", { port: 0 }],
    ["a port that is a string", { port: "6379" }],
    ["no nodes", { cluster: [] }],
    ["nodes that are none", { cluster: [PASSWORD] }],
    ["sentinels without a name", { sentinels: [{ host: "127.0.0.1", port: 1 }] }],
    [
      "both a cluster and sentinels",
      { cluster: [{ host: "h", port: 1 }], sentinels: [{ host: "h", port: 1 }], name: "n" },
    ],
    ["a password that is no string", { password: 1 }],
    ["a database that is none", { db: -1 }],
    ["no time to connect", { connectTimeoutMs: 0 }],
  ])(
    "%s is refused before any connection, by a message that does not repeat it",
    async (_, target) => {
      for (const open of [openRedisCache, openValkeyCache]) {
        const error = await open(target as RedisTarget).catch((cause: unknown) => cause);
        expect(error).toSatisfy((e) => e instanceof TypeError || e instanceof RangeError);
        expect(inspect(error)).not.toContain(PASSWORD);
      }
    },
  );

  it.each<[name: string, options: unknown]>([
    ["an unknown option", { prefix: "hv:" }],
    ["a prefix with braces", { keyPrefix: "{hv}" }],
    ["a prefix with a pattern", { keyPrefix: "*" }],
    ["a prefix that is no string", { keyPrefix: 1 }],
    ["no replicas to wait for", { waitForReplicas: { count: 0, timeoutMs: 1 } }],
    ["no time to wait for replicas", { waitForReplicas: { count: 1, timeoutMs: 0 } }],
  ])("%s is refused", async (_, options) => {
    await expect(openRedisCache({ port: 1 }, options as object)).rejects.toSatisfy(
      (error) => error instanceof TypeError || error instanceof RangeError,
    );
  });

  it("a connection that the cache cannot use is refused", () => {
    const lazy = { lazyConnect: true } as const;
    const nodes = [{ host: "127.0.0.1", port: 1 }];
    expect(() => redisCache({} as Redis)).toThrow(TypeError);
    expect(() => redisCache(undefined as unknown as Redis)).toThrow(TypeError);
    expect(() => redisCache(new Redis({ ...lazy, keyPrefix: "p:" }))).toThrow(/keyPrefix/);
    expect(() => redisCache(new Cluster(nodes, { ...lazy, scaleReads: "all" }))).toThrow(/masters/);
    const waitForReplicas = { count: 1, timeoutMs: 10 };
    expect(() => redisCache(new Cluster(nodes, lazy), { waitForReplicas })).toThrow(/cluster/);
    expect(() => valkeyCache(new Valkey(lazy))).not.toThrow();
  });
});

describe.skipIf(missing !== undefined)(missing ?? "opening a Redis cache", () => {
  let identity: TlsIdentity;
  let server: RespServer;
  let secure: RespServer;
  let watcher: Redis;

  beforeAll(async () => {
    identity = await makeTlsIdentity();
    const user = ["--user", "vault", "on", `>${PASSWORD}`, "~*", "+@all"];
    server = await startRespServer("redis", { arguments: user });
    secure = await startRespServer("redis", { tls: identity });
    watcher = new Redis({ port: server.port });
  });

  afterAll(async () => {
    watcher.disconnect();
    await server.stop();
    await secure.stop();
    await identity.remove();
  });

  async function connectionCount(): Promise<number> {
    return Number(/connected_clients:(\d+)/.exec(await watcher.info("clients"))?.[1]);
  }

  it("accepts a URL with user, password and database", async () => {
    const cache = await openRedisCache(`redis://vault:${PASSWORD}@127.0.0.1:${server.port}/3`);
    await cache.ready();
    await cache.insert("key", { head: HEAD }, LONG);
    await watcher.select(3);
    expect(await watcher.keys("*")).toEqual(["hv:{key}"]);
    await watcher.select(0);
    await cache.close();
  });

  it("closes the connection if the password is wrong, and does not repeat it", async () => {
    const before = await connectionCount();
    for (const open of [openRedisCache, openValkeyCache]) {
      const url = `redis://vault:${PASSWORD}-wrong@127.0.0.1:${server.port}`;
      const error = await open(url).catch((cause: unknown) => cause);
      expect(error).toMatchObject(UNAVAILABLE);
      expect(inspect(error, { depth: 0 })).not.toContain(PASSWORD);
      expect(String((error as Error).cause)).toContain("WRONGPASS");
    }
    await expect.poll(connectionCount, PATIENCE).toBe(before);
  });

  it("verifies the server's certificate", async () => {
    const url = `rediss://127.0.0.1:${secure.port}`;
    for (const open of [openRedisCache, openValkeyCache]) {
      await expect(open(url)).rejects.toMatchObject(UNAVAILABLE);
      await expect(open({ port: secure.port, connectTimeoutMs: 1000 })).rejects.toMatchObject(
        UNAVAILABLE,
      );
      const cache = await open({ url, tls: { ca: identity.ca } });
      await cache.ready();
      await cache.close();
    }
  });

  it("uses TLS if the URL asks for it, whatever other members are undefined", async () => {
    const url = `rediss://127.0.0.1:${server.port}`;
    const target = { url, host: undefined, tls: undefined, connectTimeoutMs: 500 };
    const before = await connectionCount();
    for (const open of [openRedisCache, openValkeyCache]) {
      await expect(open(target)).rejects.toMatchObject(UNAVAILABLE);
    }
    await expect.poll(connectionCount, PATIENCE).toBe(before);
  });

  it("closes a connection that it opened, and leaves a caller's connection open", async () => {
    const before = await connectionCount();
    const cache = await openRedisCache({ port: server.port });
    await cache.ready();
    expect(await connectionCount()).toBe(before + 1);
    await cache.close();
    await expect.poll(connectionCount, PATIENCE).toBe(before);
    const wrapped = redisCache(watcher);
    await wrapped.ready();
    await wrapped.close();
    expect(await watcher.ping()).toBe("PONG");
  });

  it("removes all listeners that it added to a connection", async () => {
    const events = ["close", "-node", "+node", "refresh", "error"];
    const counts = () => events.map((event) => watcher.listenerCount(event));
    const before = counts();
    const wrapped = redisCache(watcher);
    expect(counts()).not.toEqual(before);
    await wrapped.close();
    expect(counts()).toEqual(before);
  });

  it("shares its listeners with all caches of the connection, and notifies each of a loss", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    const shared = new Redis({ port: server.port });
    const events = ["close", "-node", "+node", "refresh"];
    const counts = () => events.map((event) => shared.listenerCount(event));
    const before = counts();
    const caches = Array.from({ length: 20 }, () => redisCache(shared, { keyPrefix: "shared:" }));
    expect(counts()).toEqual(before.map((count) => count + 1));
    for (const cache of caches) await cache.ready();
    await shared.config("SET", "maxmemory-policy", "allkeys-lru");
    const lost = once(shared, "close");
    await watcher.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await lost;
    for (const cache of caches) {
      // The cache reads the settings again: the server evicts now.
      const inserting = cache.insert(String(caches.indexOf(cache)), { head: HEAD }, LONG);
      await expect(inserting).rejects.toMatchObject({ code: "ERR_VAULT_CACHE_UNSAFE" });
    }
    for (const cache of caches) await cache.close();
    expect(counts()).toEqual(before);
    await watcher.config("SET", "maxmemory-policy", "noeviction");
    shared.disconnect();
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("prints nothing when its connection is lost", async () => {
    const prints = (["error", "warn", "log"] as const).map((name) => vi.spyOn(console, name));
    const cache = await openRedisCache({ port: server.port });
    await cache.ready();
    await watcher.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    expect(await cache.insert("lost", { head: HEAD }, LONG)).toBe("inserted");
    await cache.close();
    for (const print of prints) expect(print).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it("works over a Unix socket", async () => {
    const path = join(tmpdir(), `handlevault-${process.pid}.sock`);
    const local = await startRespServer("redis", { arguments: ["--unixsocket", path] });
    const cache = await openRedisCache({ path });
    await cache.ready();
    expect(await cache.insert("key", { head: HEAD }, LONG)).toBe("inserted");
    await cache.close();
    await local.stop();
  });
});

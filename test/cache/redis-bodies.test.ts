import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openRedisCache, type RedisTarget } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import type { CacheBackend } from "../../src/index.js";
import { aclOf } from "../support/servers/resp-acl.js";
import { startRespCluster } from "../support/servers/resp-cluster.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const LONG = { purgeAfterMs: 60_000 } as const;
const RACES = 500;
const PASSWORD = "correct-horse";
const [HEAD, BODY] = [Buffer.from("head"), Buffer.from("body")];
const [OTHER_HEAD, OTHER_BODY] = [Buffer.from("other head"), Buffer.from("other body")];
const RECORD = { head: HEAD, body: BODY };
const OTHER = { head: OTHER_HEAD, body: OTHER_BODY };

interface Scene {
  readonly target: RedisTarget;
  /** A plain connection, to create the state that other clients leave behind. */
  readonly plain: Redis | Cluster;
  stop(): Promise<void>;
}

async function singleScene(product: "redis" | "valkey"): Promise<Scene> {
  const server = await startRespServer(product);
  const plain = new Redis({ port: server.port });
  return { target: { port: server.port }, plain, stop: () => server.stop() };
}

async function clusterScene(): Promise<Scene> {
  const cluster = await startRespCluster("redis");
  const plain = new Cluster([...cluster.nodes]);
  return { target: { cluster: cluster.nodes }, plain, stop: () => cluster.stop() };
}

for (const [name, product, open, setUp] of [
  ["a Redis server", "redis", openRedisCache, () => singleScene("redis")],
  ["a Valkey server", "valkey", openValkeyCache, () => singleScene("valkey")],
  ["a Redis Cluster", "redis", openRedisCache, clusterScene],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `an insert with a body on ${name}`, () => {
    let scene: Scene;
    let [cache, rival] = [] as unknown as [CacheBackend, CacheBackend];
    let keys = 0;
    let key = "";

    beforeAll(async () => {
      scene = await setUp();
      cache = await open(scene.target);
      rival = await open(scene.target);
    });

    afterAll(async () => {
      await cache.close();
      await rival.close();
      scene.plain.disconnect();
      await scene.stop();
    });

    beforeEach(() => {
      keys += 1;
      key = `key-${keys}`;
    });

    const headKey = () => `hv:{${key}}`;
    const bodyKey = () => `hv:{${key}}:b`;

    async function headOf(of: string): Promise<Uint8Array | undefined> {
      const entry = await cache.get(of);
      return typeof entry === "object" ? entry.head : undefined;
    }

    it("stores both with the same purge time", async () => {
      expect(await cache.insert(key, RECORD, LONG)).toBe("inserted");
      expect(await headOf(key)).toEqual(HEAD);
      expect(await cache.getBody(key)).toEqual(BODY);
      const expiries = await Promise.all([headKey(), bodyKey()].map((at) => scene.plain.pttl(at)));
      for (const leftMs of expiries) expect(leftMs).toBeGreaterThan(LONG.purgeAfterMs - 10_000);
      expect(Math.max(...expiries)).toBeLessThanOrEqual(LONG.purgeAfterMs);
    });

    it("does not change an existing record with a body", async () => {
      await cache.insert(key, OTHER, LONG);
      expect(await cache.insert(key, RECORD, LONG)).toBe("exists");
      expect(await headOf(key)).toEqual(OTHER_HEAD);
      expect(await cache.getBody(key)).toEqual(OTHER_BODY);
    });

    it("adds no body to an existing record without one", async () => {
      await cache.insert(key, { head: OTHER_HEAD }, LONG);
      expect(await cache.insert(key, RECORD, LONG)).toBe("exists");
      expect(await headOf(key)).toEqual(OTHER_HEAD);
      expect(await scene.plain.exists(bodyKey())).toBe(0);
    });

    it("replaces a body that a client left without its head", async () => {
      await scene.plain.set(bodyKey(), OTHER_BODY, "PX", 30_000);
      expect(await cache.insert(key, RECORD, LONG)).toBe("inserted");
      expect(await headOf(key)).toEqual(HEAD);
      expect(await cache.getBody(key)).toEqual(BODY);
      expect(await scene.plain.pttl(bodyKey())).toBeGreaterThan(30_000);
    });

    it("that races another is the only one to win, with its own body", async () => {
      for (let race = 0; race < RACES; race++) {
        const at = `${key} ${race}`;
        const outcomes = await Promise.all([
          cache.insert(at, RECORD, LONG),
          rival.insert(at, OTHER, LONG),
        ]);
        expect([...outcomes].sort()).toEqual(["exists", "inserted"]);
        const winner = outcomes[0] === "inserted" ? RECORD : OTHER;
        expect(await headOf(at)).toEqual(winner.head);
        expect(await cache.getBody(at)).toEqual(winner.body);
      }
    });

    it("that races one without a body leaves no body but its own", async () => {
      for (let race = 0; race < RACES; race++) {
        const at = `${key} ${race}`;
        const [mine, other] = await Promise.all([
          cache.insert(at, RECORD, LONG),
          rival.insert(at, { head: OTHER_HEAD }, LONG),
        ]);
        expect([mine, other].sort()).toEqual(["exists", "inserted"]);
        expect(await cache.getBody(at)).toEqual(mine === "inserted" ? BODY : undefined);
      }
    });

    it("that races a deletion exists with its body, or not at all", async () => {
      for (let race = 0; race < RACES; race++) {
        const at = `${key} ${race}`;
        const [outcome] = await Promise.all([cache.insert(at, RECORD, LONG), rival.delete(at)]);
        expect(outcome).toBe("inserted");
        const head = await headOf(at);
        expect(await cache.getBody(at)).toEqual(head && BODY);
      }
    });
  });
}

const missing = missingServer("redis");

describe.skipIf(missing !== undefined)(missing ?? "an insert with a body that fails", () => {
  const [name = "", ...words] = aclOf("single", PASSWORD);
  const user = { username: "vault", password: PASSWORD };
  let server: RespServer;
  let admin: Redis;
  let cache: CacheBackend;

  beforeEach(async () => {
    server = await startRespServer("redis", { arguments: ["--user", name, ...words] });
    admin = new Redis({ port: server.port });
    cache = await openRedisCache({ port: server.port, ...user });
    return async () => {
      await cache.close();
      admin.disconnect();
      await server.stop();
    };
  });

  const setUser = (...rules: string[]) => admin.call("ACL", "SETUSER", "vault", ...rules);

  it("for lack of memory leaves nothing behind", async () => {
    await admin.config("SET", "maxmemory", "1");
    const full = { code: "ERR_VAULT_CACHE_FULL" };
    await expect(cache.insert("key", RECORD, LONG)).rejects.toMatchObject(full);
    expect(await admin.dbsize()).toBe(0);
  });

  it.each([
    ["head", "~hv:*:b"],
    ["body", "~hv:{*}"],
  ])("for lack of permissions on the %s leaves nothing behind", async (_, pattern) => {
    await setUser("resetkeys", pattern);
    const refusal = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
    await expect(cache.insert("key", RECORD, LONG)).rejects.toMatchObject(refusal);
    expect(await admin.dbsize()).toBe(0);
  });

  it("has an unknown outcome if the user may not begin transactions", async () => {
    await setUser("-multi");
    const unknown = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
    await expect(cache.insert("key", RECORD, LONG)).rejects.toMatchObject(unknown);
    expect(await admin.dbsize()).toBe(2);
  });

  it("to remove its body again from a record without one is not a success", async () => {
    await cache.insert("key", { head: OTHER_HEAD }, LONG);
    await setUser("-eval", "-evalsha");
    const refusal = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
    await expect(cache.insert("key", RECORD, LONG)).rejects.toMatchObject(refusal);
    expect(await cache.get("key")).toMatchObject({ head: OTHER_HEAD, hasBody: false });
  });

  it("to overwrite an orphaned body has an unknown outcome", async () => {
    await admin.set("hv:{key}:b", OTHER_BODY);
    await setUser("-eval", "-evalsha");
    const unknown = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
    await expect(cache.insert("key", RECORD, LONG)).rejects.toMatchObject(unknown);
  });

  it("never passes its body to a script if the key has no orphaned body", async () => {
    await admin.config("RESETSTAT");
    expect(await cache.insert("key", RECORD, LONG)).toBe("inserted");
    expect(await cache.insert("key", RECORD, LONG)).toBe("exists");
    const stats = await admin.info("commandstats");
    expect(stats).toContain("cmdstat_exec:calls=2,");
    expect(stats).not.toMatch(/cmdstat_eval/);
  });
});

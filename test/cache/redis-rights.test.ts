import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { isVaultError } from "../../src/index.js";
import { aclOf } from "../support/servers/resp-acl.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const missing = missingServer("redis");
const PASSWORD = "correct-horse";
const LONG = { purgeAfterMs: 60_000, timeoutMs: 1000 } as const;
const [HEAD, BODY] = [Buffer.from("head"), Buffer.from("body")];
const rights = aclOf("single", PASSWORD).filter((word) => word.startsWith("+"));

describe.skipIf(missing !== undefined)(missing ?? "the least rights of a Redis user", () => {
  let server: RespServer;
  let admin: Redis;

  beforeAll(async () => {
    const [name = "", ...words] = aclOf("single", PASSWORD);
    server = await startRespServer("redis", {
      appendFsync: "everysec",
      arguments: ["--user", name, ...words],
    });
    admin = new Redis({ port: server.port });
  });

  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  it("are sufficient", async () => {
    expect(await useEverything()).toBe("durable");
  });

  it.each(rights)("do not do without %s", async (right) => {
    await admin.call("ACL", "SETUSER", "vault", right.replace("+", "-"));
    await admin.call("SCRIPT", "FLUSH");
    await expect(useEverything()).resolves.not.toBe("durable");
    await admin.call("ACL", "SETUSER", "vault", right);
  });

  it("do not allow access to other keys", async () => {
    const user = { username: "vault", password: PASSWORD };
    const cache = await openRedisCache({ port: server.port, ...user }, { keyPrefix: "other:" });
    await cache.ready();
    const refusal = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
    await expect(cache.insert("key", { head: HEAD }, LONG)).rejects.toMatchObject(refusal);
    await expect(cache.get("key")).rejects.toMatchObject(refusal);
    await cache.close();
  });

  it.each<[right: string, change: { dropBody: true } | { purgeAfterMs: number }]>([
    ["set", { dropBody: true }],
    ["set", { purgeAfterMs: 30_000 }],
    ["unlink", { dropBody: true }],
    ["pexpire", { purgeAfterMs: 30_000 }],
  ])("without +%s, leave a record unchanged when %o fails", async (right, change) => {
    const user = { username: "vault", password: PASSWORD };
    const cache = await openRedisCache({ port: server.port, ...user });
    await admin.unlink("hv:{kept}", "hv:{kept}:b");
    await cache.insert("kept", { head: HEAD, body: BODY }, LONG);
    const entry = await cache.get("kept");
    if (typeof entry !== "object") throw new Error("a record is missing");
    const options = { ifRevision: entry.revision, timeoutMs: 1000, ...change };
    await admin.call("ACL", "SETUSER", "vault", `-${right}`);
    const failed = cache.replace("kept", Buffer.from("new"), options);
    await expect(failed).rejects.toMatchObject({ code: "ERR_VAULT_OUTCOME_UNKNOWN" });
    await admin.call("ACL", "SETUSER", "vault", `+${right}`);
    expect(await cache.get("kept")).toEqual(entry);
    expect(await cache.getBody("kept")).toEqual(BODY);
    expect(await admin.pttl("hv:{kept}:b")).toBeGreaterThan(30_000);
    await cache.close();
  });

  /** Returns the declared durability, or the code of the error. */
  async function useEverything(): Promise<string> {
    const user = { username: "vault", password: PASSWORD };
    const cache = await openRedisCache({ port: server.port, ...user });
    try {
      const { durability } = await cache.ready();
      // Twice, so that scripts are sent in full and by hash.
      for (const key of ["one", "two"]) {
        await admin.unlink(`hv:{${key}}`, `hv:{${key}}:b`);
        await cache.insert(key, { head: HEAD, body: BODY }, LONG);
        const entry = await cache.get(key);
        if (typeof entry !== "object") return "a record is missing";
        const options = { ifRevision: entry.revision, ...LONG };
        await cache.replace(key, HEAD, options);
        await cache.getBody(key);
        await cache.scan();
        await cache.delete(key, LONG);
        await cache.insert(key, { head: HEAD }, LONG);
        await cache.delete(key, LONG);
      }
      return durability === "none" ? "not durable" : "durable";
    } catch (error) {
      return isVaultError(error) ? error.code : "another error";
    } finally {
      await cache.close();
    }
  }
});

import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { causeOf } from "../../src/cache/resp/failures.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const missing = missingServer("redis");
const CANARY = "canary-4711";
const LONG = { purgeAfterMs: 60_000, timeoutMs: 1000 } as const;
const [HEAD, BODY] = [Buffer.from(`${CANARY} head`), Buffer.from(`${CANARY} body`)];

describe("a cause of an error of a Redis cache", () => {
  it("omits the arguments of unknown commands, which servers repeat in their messages", () => {
    const message = `ERR unknown command 'AUTH', with args beginning with: '${CANARY}' `;
    expect(causeOf(new Error(message)).message).toBe("ERR unknown command 'AUTH'");
    const discarded = `EXECABORT Transaction discarded because of: ${message}`;
    expect(causeOf(new Error(discarded)).message).not.toContain(CANARY);
  });
});

describe.skipIf(missing !== undefined)(missing ?? "errors of a Redis cache", () => {
  let server: RespServer;
  let admin: Redis;

  beforeAll(async () => {
    const user = ["--user", "vault", "on", ">right", "~*", "+@all"];
    server = await startRespServer("redis", { arguments: user });
    admin = new Redis({ port: server.port });
  });

  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  it.each([
    ["ioredis", openRedisCache],
    ["iovalkey", openValkeyCache],
  ])("hold no password, key or record anywhere, over %s", async (_, open) => {
    const url = `127.0.0.1:${server.port}`;
    const wrong = await open(`redis://vault:${CANARY}@${url}`).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: "ERR_VAULT_CACHE_UNAVAILABLE" });
    const cache = await open(`redis://vault:right@${url}`, { keyPrefix: `${CANARY}:` });
    await cache.insert("kept", { head: HEAD, body: BODY }, LONG);
    const entry = await cache.get("kept");
    if (typeof entry !== "object") throw new Error("a record is missing");
    const ifRevision = entry.revision;
    await admin.call("ACL", "SETUSER", "vault", "-get", "-set", "-unlink", "-scan");
    const failures = await Promise.allSettled([
      cache.get(CANARY),
      cache.getBody(CANARY),
      cache.insert(CANARY, { head: HEAD }, LONG),
      cache.insert(CANARY, { head: HEAD, body: BODY }, LONG),
      cache.replace("kept", HEAD, { ifRevision, ...LONG }),
      cache.replace("kept", undefined, { ifRevision, ...LONG }),
      cache.delete("kept", LONG),
      cache.scan(undefined, { timeoutMs: 200 }),
    ]);
    await admin.call("ACL", "SETUSER", "vault", "+@all");
    await cache.delete("kept", LONG);
    await cache.close();
    const errors = failures.map((each) => each.status === "rejected" && (each.reason as Error));
    for (const error of [wrong, ...errors]) {
      expect((error as Error).cause).toBeInstanceOf(Error);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(CANARY);
    }
  });
});

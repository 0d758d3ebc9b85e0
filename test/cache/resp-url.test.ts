import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openRedisCache, type RedisTarget } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { makeTlsIdentity, type TlsIdentity } from "../support/servers/tls.js";

const PASSWORD = "canary/password?&=";
const ESCAPED = encodeURIComponent(PASSWORD);
const HEAD = Buffer.from("head");
const LONG = { purgeAfterMs: 60_000 } as const;
const UNAVAILABLE = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
const TLS_HANDSHAKE = 0x16;
const NODE = { host: "127.0.0.1", port: 6379 };
const OPENERS = { ioredis: openRedisCache, iovalkey: openValkeyCache } as const;

/** Returns the error for a target that is refused before any connection; throws if it is accepted. */
async function refusalOf(target: string | RedisTarget, options = {}): Promise<Error> {
  const [one, other] = await Promise.all(
    Object.values(OPENERS).map((open) => open(target, options).catch((cause: unknown) => cause)),
  );
  expect(one).toSatisfy((error) => error instanceof TypeError || error instanceof RangeError);
  expect(inspect(other)).toContain((one as Error).message);
  return one as Error;
}

describe("the URL of a server", () => {
  it.each([
    ["lazyConnect", "lazyConnect=false"],
    ["enableOfflineQueue", "enableOfflineQueue=true"],
    ["readOnly", "readOnly=true"],
    ["sentinels", "sentinels=127.0.0.1:1"],
    ["name", "name=records"],
    ["host", "host=127.0.0.1"],
    ["port", "port=1"],
    ["path", "path=/run/redis.sock"],
    ["ssl", "ssl=true"],
    ["TLS", "TLS=true"],
    ["DB", "db=1&DB=2"],
    ["__proto__", "__proto__=canary"],
  ])("whose query has %s is refused by that name", async (name, query) => {
    const { message } = await refusalOf(`redis://127.0.0.1?${query}`);
    expect(message).toContain(`unknown option: ${name}`);
  });

  it.each([
    ["db", "db=two"],
    ["db", "db=-1"],
    ["db", "db="],
    ["db", "db=1&db=2"],
    ["family", "family=5"],
    ["family", "family=IPv6"],
    ["tls", "tls=false"],
    ["tls", "tls"],
    ["tls", "tls=RedisCloudFixed"],
    ["tls", "tls=true&tls=true"],
    ["connectTimeout", "connectTimeout=0"],
    ["connectTimeout", "connectTimeout=soon"],
    ["username", "username="],
    ["password", "password"],
    ["keyPrefix", "keyPrefix={app}"],
    ["keyPrefix", "keyPrefix="],
  ])("with a wrong %s in the query is refused by that name: %s", async (name, query) => {
    expect((await refusalOf(`rediss://127.0.0.1?${query}`)).message).toContain(name);
  });

  it.each([
    ["db", "redis://127.0.0.1/1?db=1"],
    ["username", "redis://vault@127.0.0.1?username=vault"],
    ["password", `redis://vault:${ESCAPED}@127.0.0.1?password=${ESCAPED}`],
  ])("that gives %s twice is refused", async (name, url) => {
    const { message } = await refusalOf(url);
    expect(message).toContain(`${name} twice`);
  });

  it.each([
    `redis://vault:12?${PASSWORD}=@127.0.0.1:6379`,
    `redis://127.0.0.1?password=${ESCAPED}#${ESCAPED}`,
    `redis://127.0.0.1,127.0.0.2:6379?password=${ESCAPED}`,
    `redis://127.0.0.1:6379,127.0.0.2:6379?password=${ESCAPED}`,
    `redis://127.0.0.1?password=${ESCAPED}&db=${ESCAPED}`,
    `redis://127.0.0.1?password=${ESCAPED}&lazyConnect=${ESCAPED}`,
    `redis://127.0.0.1?${ESCAPED}=1`,
    `redis://127.0.0.1?tls=${ESCAPED}`,
  ])("is not repeated in the error message", async (url) => {
    expect(inspect(await refusalOf(url))).not.toContain("canary");
  });

  it("and the options of the cache must not both give a prefix", async () => {
    const { message } = await refusalOf("redis://127.0.0.1?keyPrefix=a:", { keyPrefix: "b:" });
    expect(message).toContain("keyPrefix");
  });
});

describe("a target", () => {
  it.each<[string, string, RedisTarget]>([
    ["cluster", "url", { cluster: [NODE], url: "rediss://vault:secret@127.0.0.1" }],
    ["cluster", "url", { cluster: [NODE], url: "redis://127.0.0.1?tls=true" }],
    ["cluster", "host", { cluster: [NODE], host: "127.0.0.1" }],
    ["cluster", "db", { cluster: [NODE], db: 1 }],
    ["cluster", "family", { cluster: [NODE], family: 6 }],
    ["sentinels", "url", { sentinels: [NODE], name: "n", url: "redis://h?password=secret" }],
    ["sentinels", "port", { sentinels: [NODE], name: "n", port: 6379 }],
    ["path", "url", { path: "/run/redis.sock", url: "redis://127.0.0.1" }],
    ["path", "host", { path: "/run/redis.sock", host: "127.0.0.1" }],
  ])("with a %s refuses %s, which would be ignored", async (place, other, target) => {
    expect((await refusalOf(target)).message).toContain(`both ${place} and ${other}`);
  });

  it.each([
    { name: "records" },
    { sentinelUsername: "vault" },
    { sentinelPassword: "secret" },
    { sentinelTls: {} },
  ])("without sentinels refuses options of sentinels: %o", async (target) => {
    expect((await refusalOf(target)).message).toContain("needs target.sentinels");
  });

  it.each<RedisTarget>([
    { cluster: [{ ...NODE, password: "secret" } as never] },
    { cluster: [{ ...NODE, tls: {} } as never] },
    { cluster: ["rediss://127.0.0.1:6379?password=secret" as never] },
    { sentinels: [{ ...NODE, db: 1 } as never], name: "n" },
    { sentinels: ["redis://127.0.0.1:26379?password=secret" as never], name: "n" },
  ])("lists nodes by host and port, and refuses other members: %o", async (target) => {
    expect(inspect(await refusalOf(target))).not.toContain("secret");
  });
});

describe.each(Object.entries(OPENERS))("over %s", (_, open) => {
  it.each([
    "redis://vault:secret@127.0.0.1:PORT?tls=true",
    "redis://127.0.0.1:PORT/2?password=secret&tls=true",
    "valkey://127.0.0.1:PORT?connectTimeout=5000&tls=true",
    "rediss://127.0.0.1:PORT?password=secret",
    "valkeys://127.0.0.1:PORT?tls=true&db=3",
  ])("the first byte that is sent to %s begins a TLS handshake", async (url) => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const received: Buffer[] = [];
    server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", (bytes) => {
        received.push(bytes);
        socket.destroy();
      });
    });
    const place = url.replace("PORT", String((server.address() as AddressInfo).port));
    const target = { url: place, tls: undefined, connectTimeoutMs: 1000 };
    await expect(open(target)).rejects.toMatchObject(UNAVAILABLE);
    expect(received.length).toBeGreaterThan(0);
    for (const bytes of received) expect(bytes[0]).toBe(TLS_HANDSHAKE);
  });
});

for (const product of ["redis", "valkey"] as const) {
  const missing = missingServer(product);
  const open = { redis: openRedisCache, valkey: openValkeyCache }[product];

  describe.skipIf(missing !== undefined)(missing ?? `the query of a URL of ${product}`, () => {
    let identity: TlsIdentity;
    let server: RespServer;
    let secure: RespServer;
    let watcher: Redis;

    beforeAll(async () => {
      identity = await makeTlsIdentity();
      const users = ["--user", "vault", "on", `>${PASSWORD}`, "~*", "+@all"];
      const free = ["--user", "guest", "on", "nopass", "~*", "+@all"];
      server = await startRespServer(product, {
        arguments: ["--requirepass", "of-the-default-user", ...users, ...free],
      });
      secure = await startRespServer(product, { tls: identity });
      watcher = new Redis({ port: server.port, password: "of-the-default-user" });
    });

    afterAll(async () => {
      watcher.disconnect();
      await server.stop();
      await secure.stop();
      await identity.remove();
    });

    it.each([
      `HOST?username=vault&password=${ESCAPED}&db=5&keyPrefix=app:&family=4&connectTimeout=4000`,
      `vault@HOST/5?password=${ESCAPED}&keyPrefix=app:`,
      `:${ESCAPED}@HOST?username=vault&db=5&keyPrefix=app:`,
      "guest@HOST/5?keyPrefix=app:",
    ])("is applied completely: %s", async (rest) => {
      const url = `${product}://${rest.replace("HOST", `127.0.0.1:${server.port}`)}`;
      const cache = await open(url);
      await cache.insert("key", { head: HEAD }, LONG);
      const clients = String(await watcher.client("LIST"));
      await cache.close();
      const user = rest.startsWith("guest") ? "guest" : "vault";
      expect(clients).toMatch(new RegExp(`db=5 .*user=${user} `));
      await watcher.select(5);
      expect(await watcher.keys("*")).toEqual(["app:{key}"]);
      await watcher.flushdb();
    });

    it("with a family that the host does not have is not connected", async () => {
      const url = `${product}://vault:${ESCAPED}@localhost:${server.port}?family=6`;
      await expect(open({ url, connectTimeoutMs: 1000 })).rejects.toMatchObject(UNAVAILABLE);
    });

    it("with TLS has the certificate verified", async () => {
      const url = `${product}://127.0.0.1:${secure.port}?tls=true&db=2`;
      await expect(open({ url, tls: undefined, connectTimeoutMs: 2000 })).rejects.toMatchObject({
        ...UNAVAILABLE,
        cause: { message: expect.stringMatching(/self.signed/) },
      });
      const cache = await open({ url, tls: { ca: identity.ca } });
      expect(await cache.insert("key", { head: HEAD }, LONG)).toBe("inserted");
      await cache.close();
    });

    it("with TLS sends nothing in plain text to a server without TLS", async () => {
      const url = `${product}://vault:${ESCAPED}@127.0.0.1:${server.port}?tls=true`;
      await expect(open({ url, connectTimeoutMs: 500 })).rejects.toMatchObject(UNAVAILABLE);
    });
  });
}

import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import {
  type CacheBackend,
  generateKey,
  HandleVault,
  KeyRing,
  type Revision,
} from "../../src/index.js";
import { aclOf } from "../support/servers/resp-acl.js";
import {
  missingServer,
  type RespServer,
  type RespServerOptions,
  startRespServer,
} from "../support/servers/resp-server.js";
import { OWNER, sealOptions } from "../support/vault.js";

const missing = missingServer("redis");
const LONG = { purgeAfterMs: 60_000, timeoutMs: 20_000 } as const;
const PATIENCE = { timeout: 20_000 } as const;
const HEAD = Buffer.from("head");
const PASSWORD = "correct-horse";
const UNSAFE = { code: "ERR_VAULT_CACHE_UNSAFE", reason: "volatile-cache" };
const LRU = ["--maxmemory-policy", "allkeys-lru"];

describe.skipIf(missing !== undefined)(missing ?? "what a Redis server promises", () => {
  const opened: { close(): unknown }[] = [];
  let server: RespServer | undefined;

  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await server?.stop();
  });

  async function start(options: RespServerOptions): Promise<RespServer> {
    server = await startRespServer("redis", options);
    return server;
  }

  async function open(port: number, user: object = {}): Promise<CacheBackend> {
    const cache = await openRedisCache({ port, ...user });
    opened.push(cache);
    return cache;
  }

  it.each([
    [{ appendFsync: "always" }, { durability: "disk", evicts: false }],
    [{ appendFsync: "everysec" }, { durability: "process", evicts: false }],
    [{ appendFsync: "no" }, { durability: "process", evicts: false }],
    [{}, { durability: "none", evicts: false }],
    [{ arguments: ["--save", "1 1"] }, { durability: "none", evicts: false }],
    [
      { appendFsync: "always", arguments: LRU },
      { durability: "disk", evicts: true },
    ],
    [{ arguments: ["--maxmemory-policy", "volatile-ttl"] }, { durability: "none", evicts: true }],
  ] as const)("a server with %j promises %j", async (options, promise) => {
    const { port } = await start(options);
    expect(await (await open(port)).ready()).toEqual(promise);
  });

  it("without permission to read the configuration, the weakest possible durability is declared", async () => {
    const acl = [...aclOf("single", PASSWORD)];
    const { port } = await start({ appendFsync: "always", arguments: ["--user", ...acl] });
    const user = { username: "vault", password: PASSWORD };
    expect(await (await open(port, user)).ready()).toEqual({
      durability: "process",
      evicts: false,
    });
    await command(port, "ACL", "SETUSER", "vault", "+config|get");
    expect(await (await open(port, user)).ready()).toEqual({ durability: "disk", evicts: false });
    await command(port, "ACL", "SETUSER", "vault", "-info");
    expect(await (await open(port, user)).ready()).toEqual({ durability: "none", evicts: true });
  });

  it("the vault refuses a server that evicts or persists nothing, unless acceptVolatile is set", async () => {
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    for (const options of [{}, { appendFsync: "always", arguments: LRU }] as const) {
      const { port, stop } = await start(options);
      const vault = new HandleVault({ cache: await open(port), keys });
      await expect(vault.seal("secret", sealOptions())).rejects.toMatchObject(UNSAFE);
      const cache = await open(port);
      const accepting = new HandleVault({ cache, keys, acceptVolatile: true });
      const { id } = await accepting.seal("secret", sealOptions());
      expect(await accepting.unseal(id, OWNER)).toBe("secret");
      await stop();
    }
  });

  describe("once ready has declared the strongest durability", () => {
    let cache: CacheBackend;
    let port: number;

    beforeEach(async () => {
      ({ port } = await start({ appendFsync: "always" }));
      cache = await open(port);
      expect(await cache.ready()).toEqual({ durability: "disk", evicts: false });
      await cache.insert("kept", { head: HEAD }, LONG);
    });

    async function assertRefusesToStore(): Promise<void> {
      await expect(cache.insert("new", { head: HEAD }, LONG)).rejects.toMatchObject(UNSAFE);
      const ifRevision = await revisionOf(cache, "kept");
      await expect(cache.replace("kept", HEAD, { ifRevision })).rejects.toMatchObject(UNSAFE);
      expect(await cache.get("new")).toBeUndefined();
      expect(await cache.replace("kept", undefined, { ifRevision })).toBe("replaced");
      expect(await cache.delete("kept")).toBe(false);
    }

    it("a server restarted with weaker settings gets no new records until ready is called again", async () => {
      await server?.restart({ appendFsync: "everysec" });
      await assertRefusesToStore();
      expect(await cache.ready()).toEqual({ durability: "process", evicts: false });
      expect(await cache.insert("new", { head: HEAD }, LONG)).toBe("inserted");
    });

    it.each([
      ["again by itself", {}],
      ["nothing twice", { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 }],
    ])(
      "a write in flight is not acknowledged by a server that is less durable, over a connection that sends %s",
      async (_, options) => {
        const connection = new Redis({ port, retryStrategy: () => 20, ...options });
        connection.on("error", () => undefined);
        opened.push({ close: () => connection.disconnect() });
        const wrapped = redisCache(connection);
        opened.push(wrapped);
        expect((await wrapped.ready()).durability).toBe("disk");
        const ifRevision = await revisionOf(wrapped, "kept");
        server?.pause();
        const unknown = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
        const writes = Promise.all([
          expect(wrapped.insert("new", { head: HEAD }, LONG)).rejects.toMatchObject(unknown),
          expect(
            wrapped.insert("large", { head: HEAD, body: Buffer.alloc(1000) }, LONG),
          ).rejects.toMatchObject(unknown),
          expect(wrapped.replace("kept", HEAD, { ifRevision, ...LONG })).rejects.toMatchObject(
            unknown,
          ),
        ]);
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        await server?.kill();
        await server?.restart({ appendFsync: "everysec" });
        await writes;
        expect(await wrapped.ready()).toEqual({ durability: "process", evicts: false });
      },
    );

    it("a policy that changed is noticed at the next reconnect", async () => {
      await command(port, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
      await command(port, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await expect
        .poll(() => codeOf(async () => cache.insert("probe", { head: HEAD }, LONG)), PATIENCE)
        .toBe(UNSAFE.code);
      await assertRefusesToStore();
    });

    it("a reconnect to an equally durable server changes nothing for callers", async () => {
      await command(port, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      expect(await cache.insert("new", { head: HEAD }, LONG)).toBe("inserted");
      await server?.restart();
      expect(await cache.insert("newer", { head: HEAD }, LONG)).toBe("inserted");
    });

    it("a server with full memory refuses inserts as full, and allows reads and deletions", async () => {
      await cache.insert("large", { head: HEAD, body: Buffer.alloc(2 ** 21, 1) }, LONG);
      await command(port, "CONFIG", "SET", "maxmemory", "1");
      const full = { code: "ERR_VAULT_CACHE_FULL" };
      await expect(cache.insert("new", { head: HEAD }, LONG)).rejects.toMatchObject(full);
      const record = { head: HEAD, body: Buffer.alloc(1000) };
      await expect(cache.insert("new", record, LONG)).rejects.toMatchObject(full);
      const ifRevision = await revisionOf(cache, "kept");
      await expect(cache.replace("kept", HEAD, { ifRevision })).rejects.toMatchObject(full);
      expect(await cache.replace("kept", undefined, { ifRevision })).toBe("replaced");
      expect(await cache.delete("large")).toBe(true);
      expect(await cache.getBody("large")).toBeUndefined();
      await command(port, "CONFIG", "SET", "maxmemory", "0");
      expect(await cache.insert("new", { head: HEAD }, LONG)).toBe("inserted");
    });
  });
});

async function revisionOf(cache: CacheBackend, key: string): Promise<Revision> {
  const entry = await cache.get(key, LONG);
  if (typeof entry !== "object") throw new Error("there is no record");
  return entry.revision;
}

async function codeOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

async function command(port: number, name: string, ...parameters: string[]): Promise<void> {
  const client = new Redis({ port });
  try {
    await client.call(name, ...parameters);
  } finally {
    client.disconnect();
  }
}

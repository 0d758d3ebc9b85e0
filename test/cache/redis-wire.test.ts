import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { HandleVault, KeyRing } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../support/vault.js";

const missing = missingServer("redis");
const BODY_BYTES = 2 ** 24;
const SMALL_BYTES = 2 ** 16;

describe.skipIf(missing !== undefined)(missing ?? "a 16 MiB payload on a Redis server", () => {
  let server: RespServer;
  let watcher: Redis;
  let vault: HandleVault;
  let keys: KeyRing;
  let id: string;
  const payload = randomBytes(BODY_BYTES);

  beforeAll(async () => {
    server = await startRespServer("redis", { appendFsync: "everysec" });
    watcher = new Redis({ port: server.port });
    keys = KeyRing.from({ current: "old", keys: { old: KeyRing.generateKey() } });
    const cache = await openRedisCache({ port: server.port });
    vault = new HandleVault({ cache, keys, cacheTimeoutMs: 20_000 });
    ({ id } = await vault.seal(payload, sealOptions()));
  });

  afterAll(async () => {
    await vault.close();
    watcher.disconnect();
    await server.stop();
  });

  /** Returns how many bytes the server takes and gives meanwhile. */
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

  it.each<[name: string, operation: () => Promise<unknown>]>([
    ["a grant", () => vault.grant(id, "another", { by: OWNER })],
    ["a revocation", () => vault.revoke(id, "another", { by: OWNER })],
    ["a renewal", () => vault.renew(id, 600, { by: OWNER })],
    ["a refusal", () => expect(vault.unseal(id, STRANGER)).rejects.toThrow()],
    ["a safe view", () => vault.getSafeView(id)],
    ["a description", () => vault.describe(id, GRANTEE)],
    [
      "a rewrap",
      async () => {
        keys.rotate("new", KeyRing.generateKey());
        expect((await vault.rewrap()).rewrapped).toBe(1);
      },
    ],
  ])("%s moves less than 64 KiB", async (_, operation) => {
    expect(await bytesMoved(operation)).toBeLessThan(SMALL_BYTES);
  });

  it("an unseal moves it once, and gives it back as it was", async () => {
    const moved = await bytesMoved(async () => {
      const opened = await vault.unseal<Uint8Array>(id, GRANTEE);
      expect(Buffer.compare(opened, payload)).toBe(0);
    });
    expect(moved).toBeGreaterThanOrEqual(BODY_BYTES);
    expect(moved).toBeLessThan(BODY_BYTES + SMALL_BYTES);
  });

  it("an invalidation takes the body with it", async () => {
    expect(await watcher.dbsize()).toBe(2);
    await vault.invalidate(id);
    expect(await watcher.dbsize()).toBe(0);
  });
});

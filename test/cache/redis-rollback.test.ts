/** A server that lost its last writes in a crash, after they were acknowledged to a vault. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { beforeEach, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { generateKey, HandleVault, KeyRing, type OpaqueHandle } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const OWNER = "owner";
const ROLLED_BACK = { code: "ERR_VAULT_RECORD_INTEGRITY", reason: "rolled-back" };
const NOT_FOUND = { code: "ERR_VAULT_HANDLE_NOT_FOUND" };
const DENIED = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" };

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `${product} that lost its last writes`, () => {
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    let server: RespServer;
    let vault: HandleVault;
    let handle: OpaqueHandle;

    beforeEach(async () => {
      // Every write is in the file before it is acknowledged, so that the test can remove some.
      server = await startRespServer(product, { appendFsync: "always" });
      vault = await openVault();
      const options = { ownerPrincipal: OWNER, safeView: "a value", maxUses: 2 };
      handle = await vault.seal("payload", options);
      return async () => {
        await vault.close();
        await server.stop();
      };
    });

    async function openVault(): Promise<HandleVault> {
      return new HandleVault({ cache: await open({ port: server.port }), keys });
    }

    /** Crashes the server so that it loses the writes of `change`, as it may with `everysec`. */
    async function loseChange(change: () => Promise<unknown>): Promise<void> {
      const file = await appendOnlyFile(server.port);
      const { size } = statSync(file);
      await change();
      await server.kill();
      truncateSync(file, size);
      await server.restart();
      await expect.poll(() => isUp(vault), { timeout: 20_000 }).toBe(true);
    }

    it("is reported as rolled back, not as tampered with, by every operation", async () => {
      await loseChange(() => vault.grant(handle, "gateway", { by: OWNER }));
      const by = { by: OWNER };
      const calls = [
        vault.unseal(handle, OWNER),
        vault.describe(handle, OWNER),
        vault.getSafeView(handle),
        vault.renew(handle, 60, by),
        vault.grant(handle, "gateway", by),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject(ROLLED_BACK);
    });

    it("lets only the owner invalidate", async () => {
      await loseChange(() => vault.grant(handle, "gateway", { by: OWNER }));
      await expect(vault.invalidate(handle, "gateway")).rejects.toMatchObject(DENIED);
      await vault.invalidate(handle, OWNER);
      await expect(vault.unseal(handle, OWNER)).rejects.toMatchObject(NOT_FOUND);
      await using other = await openVault();
      await expect(other.unseal(handle, OWNER)).rejects.toMatchObject(NOT_FOUND);
    });

    it("is accepted only with acceptRollback, with its remaining uses", async () => {
      await loseChange(() => vault.unseal(handle, OWNER));
      const { usesLeft } = await vault.acceptRollback(handle);
      expect(usesLeft).toBe(2);
      await expect(vault.unseal(handle, OWNER)).resolves.toBe("payload");
      expect((await vault.describe(handle, OWNER)).usesLeft).toBe(1);
    });

    it("does not restore an invalidated handle, which can be invalidated again", async () => {
      await loseChange(() => vault.invalidate(handle, OWNER));
      await expect(vault.unseal(handle, OWNER)).rejects.toMatchObject(NOT_FOUND);
      await expect(vault.acceptRollback(handle)).rejects.toMatchObject(NOT_FOUND);
      await using other = await openVault();
      await expect(other.getSafeView(handle)).resolves.toBe("a value");
      await vault.invalidate(handle, OWNER);
      await expect(other.getSafeView(handle)).rejects.toMatchObject(NOT_FOUND);
    });
  });
}

async function isUp(vault: HandleVault): Promise<boolean> {
  const probing = vault.getSafeView(`hdl_${"0".repeat(32)}`);
  return probing.then(
    () => true,
    (error: { code?: unknown }) => error.code === NOT_FOUND.code,
  );
}

/** Returns the path of a server's append-only file. */
async function appendOnlyFile(port: number): Promise<string> {
  const client = new Redis({ port, host: "127.0.0.1" });
  try {
    const [, directory] = (await client.call("CONFIG", "GET", "dir")) as [string, string];
    const folder = join(directory, "appendonlydir");
    const name = readdirSync(folder).find((file) => file.endsWith(".incr.aof"));
    if (name === undefined) throw new Error("the server has no append-only file");
    return join(folder, name);
  } finally {
    client.disconnect();
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { type RespSentinel, startRespSentinel } from "../support/servers/resp-sentinel.js";
import { missingServer } from "../support/servers/resp-server.js";
import { codesOf, loadDuring } from "./redis-load.js";

const PATIENT_MS = 30_000;
const LONG = { purgeAfterMs: 60_000, timeoutMs: 10_000 } as const;
const HEAD = Buffer.from("head");
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `${product} with a replica`, () => {
    let group: RespSentinel | undefined;

    afterEach(() => group?.stop());

    it("operations wait after the death of a master until its replica accepts writes", async () => {
      const started = await startRespSentinel(product, { appendFsync: "everysec" });
      group = started;
      const cache = await open({ sentinels: started.sentinels, name: started.name });
      const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
      const vault = new HandleVault({ cache, keys, cacheTimeoutMs: PATIENT_MS });
      const report = await loadDuring(vault, async () => {
        await sleep(300);
        await started.master.kill();
      });
      // The replica may lack the last acknowledged records: such a loss appears only as not found.
      expect(["ERR_VAULT_HANDLE_NOT_FOUND"]).toEqual(
        expect.arrayContaining(codesOf(report.failures)),
      );
      expect(report.mistaken).toBe(0);
      const { id } = await vault.seal("after", { ownerPrincipal: "owner", safeView: "" });
      expect(await vault.unseal(id, "owner")).toBe("after");
      await vault.close();
    });

    it("a write that too few replicas received is unknown, and is on the master", async () => {
      const started = await startRespSentinel(product);
      group = started;
      const { port } = started.master;
      await untilReplicated(port);
      const waitForReplicas = { count: 1, timeoutMs: 1000 };
      const cache = await open({ port }, { waitForReplicas });
      await cache.ready();
      expect(await cache.insert("one", { head: HEAD }, LONG)).toBe("inserted");
      expect(await cache.insert("one", { head: HEAD }, LONG)).toBe("exists");
      started.replica.pause();
      try {
        await expect(cache.insert("two", { head: HEAD }, LONG)).rejects.toMatchObject(UNKNOWN);
        expect(await cache.get("two")).toMatchObject({ head: HEAD });
        const entry = await cache.get("one");
        if (typeof entry !== "object") throw new Error("there is no record");
        const options = { ifRevision: entry.revision, timeoutMs: LONG.timeoutMs };
        await expect(cache.replace("one", HEAD, options)).rejects.toMatchObject(UNKNOWN);
        expect(await cache.replace("one", undefined, options)).toBe("conflict");
        await expect(cache.delete("one", LONG)).rejects.toMatchObject(UNKNOWN);
        expect(await cache.delete("one", LONG)).toBe(false);
      } finally {
        started.replica.resume();
      }
      await cache.close();
    });
  });
}

/** Waits for a replica: one that is online may still be busy with its first synchronization. */
async function untilReplicated(port: number): Promise<void> {
  const plain = new Redis({ port });
  await plain.set("first", "write");
  expect(await plain.wait(1, PATIENT_MS)).toBe(1);
  plain.disconnect();
}

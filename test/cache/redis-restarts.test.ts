import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { codesOf, countLost, loadDuring } from "./redis-load.js";

const TYPED = ["ERR_VAULT_CACHE_UNAVAILABLE", "ERR_VAULT_OUTCOME_UNKNOWN"];
const TIMEOUT_MS = 300;
const PATIENT_MS = 20_000;
/** Polls end by what they wait for, or with their test. */
const PATIENCE = { timeout: 60_000 } as const;

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `${product} that is restarted mid-load`, () => {
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    let server: RespServer;

    beforeEach(async () => {
      server = await startRespServer(product, { appendFsync: "always" });
      return () => server.stop();
    });

    async function vaultWithin(cacheTimeoutMs: number): Promise<HandleVault> {
      const cache = await open({ port: server.port });
      return new HandleVault({ cache, keys, cacheTimeoutMs });
    }

    it("fails typed and without waiting for its return, recovers, and keeps what was acknowledged", async () => {
      const vault = await vaultWithin(TIMEOUT_MS);
      const report = await loadDuring(vault, async ({ sealed, leastFailures }) => {
        await server.kill();
        await expect.poll(leastFailures, PATIENCE).toBeGreaterThan(1);
        const before = sealed.size;
        await server.restart();
        await expect.poll(() => sealed.size, PATIENCE).toBeGreaterThan(before);
      });
      await vault.close();
      expect(TYPED).toEqual(expect.arrayContaining(codesOf(report.failures)));
      expect(report.mistaken).toBe(0);
      const patient = await vaultWithin(PATIENT_MS);
      expect(await countLost(patient, report.sealed)).toBe(0);
      await patient.close();
    });

    it("causes no error for callers who wait long enough", async () => {
      const vault = await vaultWithin(PATIENT_MS);
      const report = await loadDuring(vault, async () => {
        for (let restart = 0; restart < 3; restart++) {
          await server.kill();
          await server.restart();
          await sleep(200);
        }
      });
      expect(codesOf(report.failures)).toEqual([]);
      expect(report.mistaken).toBe(0);
      expect(await countLost(vault, report.sealed)).toBe(0);
      await vault.close();
    });
  });
}

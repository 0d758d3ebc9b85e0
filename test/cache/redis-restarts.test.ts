import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { HandleVault, KeyRing } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { codesOf, countLost, loadDuring } from "./redis-load.js";

const TYPED = ["ERR_VAULT_CACHE_UNAVAILABLE", "ERR_VAULT_OUTCOME_UNKNOWN"];
/** An operation of the load is a seal and an unseal, and machines are shared. */
const SLACK_MS = 2000;

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `${product} that is restarted mid-load`, () => {
    let server: RespServer | undefined;

    afterEach(() => server?.stop());

    async function vaultWithin(cacheTimeoutMs: number) {
      server = await startRespServer(product, { appendFsync: "always" });
      const keys = KeyRing.from({ current: "k", keys: { k: KeyRing.generateKey() } });
      const cache = await open({ port: server.port });
      return { vault: new HandleVault({ cache, keys, cacheTimeoutMs }), running: server };
    }

    it("fails typed and in time, recovers, and keeps what was acknowledged", async () => {
      const timeoutMs = 300;
      const { vault, running } = await vaultWithin(timeoutMs);
      const report = await loadDuring(vault, async () => {
        await running.kill();
        await sleep(1000);
        await running.restart();
        await sleep(500);
      });
      expect(report.failures.length).toBeGreaterThan(0);
      expect(TYPED).toEqual(expect.arrayContaining(codesOf(report.failures)));
      expect(report.longestMs).toBeLessThan(2 * timeoutMs + SLACK_MS);
      expect(report.mistaken).toBe(0);
      expect(await countLost(vault, report.sealed)).toBe(0);
      await vault.close();
    });

    it("is not noticed by callers who wait long enough", async () => {
      const { vault, running } = await vaultWithin(20_000);
      const report = await loadDuring(vault, async () => {
        for (let restart = 0; restart < 3; restart++) {
          await running.kill();
          await running.restart();
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

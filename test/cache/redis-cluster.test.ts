import { afterEach, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { type CacheBackend, HandleVault, KeyRing } from "../../src/index.js";
import {
  type RespCluster,
  type RespClusterOptions,
  startRespCluster,
} from "../support/servers/resp-cluster.js";
import { missingServer } from "../support/servers/resp-server.js";
import { codesOf, countLost, loadDuring } from "./redis-load.js";

const PATIENT_MS = 30_000;
const LONG = { purgeAfterMs: 600_000, timeoutMs: PATIENT_MS } as const;
const [HEAD, BODY] = [Buffer.from("head"), Buffer.from("body")];
const KEYS = 300;

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `a cluster of ${product} servers`, () => {
    let cluster: RespCluster | undefined;
    let cache: CacheBackend | undefined;

    afterEach(async () => {
      await cache?.close();
      await cluster?.stop();
    });

    async function start(options?: RespClusterOptions) {
      const started = await startRespCluster(product, options);
      cluster = started;
      const opened = await open({ cluster: started.nodes });
      cache = opened;
      return { started, opened };
    }

    function vaultOf(opened: CacheBackend): HandleVault {
      const keys = KeyRing.from({ current: "k", keys: { k: KeyRing.generateKey() } });
      const options = { acceptVolatile: true, cacheTimeoutMs: PATIENT_MS };
      return new HandleVault({ cache: opened, keys, ...options });
    }

    it("moves slots under load without an error for callers who wait", async () => {
      const { started, opened } = await start();
      const vault = vaultOf(opened);
      const report = await loadDuring(vault, async () => {
        for (let round = 0; round < 6; round++) await started.moveSlots(40);
      });
      expect(codesOf(report.failures)).toEqual([]);
      expect(report.mistaken).toBe(0);
      expect(report.sealed.size).toBeGreaterThan(100);
      expect(await countLost(vault, report.sealed)).toBe(0);
    });

    it("moves slots under changes and deletions of records with bodies without an error", async () => {
      const { started, opened } = await start();
      await opened.ready();
      let isOver = false;
      const work = async (worker: number) => {
        for (let round = 0; !isOver; round++) {
          const key = `record ${worker} ${round}`;
          expect(await opened.insert(key, { head: HEAD, body: BODY }, LONG)).toBe("inserted");
          const entry = await opened.get(key, LONG);
          if (typeof entry !== "object") throw new Error("a record is missing");
          const options = { ifRevision: entry.revision, ...LONG };
          expect(await opened.replace(key, BODY, options)).toBe("replaced");
          expect(await opened.replace(key, HEAD, options)).toBe("conflict");
          expect(await opened.getBody(key, LONG)).toEqual(BODY);
          if (round % 2 === 0) expect(await opened.delete(key, LONG)).toBe(true);
        }
      };
      const workers = Array.from({ length: 8 }, (_, worker) => work(worker));
      for (let round = 0; round < 6; round++) await started.moveSlots(40);
      isOver = true;
      await Promise.all(workers);
    });

    it("is scanned completely while slots move", async () => {
      const { started, opened } = await start();
      await opened.ready();
      const keys = Array.from({ length: KEYS }, (_, index) => `key-${index}`);
      await Promise.all(keys.map(async (key) => opened.insert(key, { head: HEAD }, LONG)));
      const moving = (async () => {
        for (let round = 0; round < 6; round++) await started.moveSlots(30);
      })();
      for (let scan = 0; scan < 5; scan++) {
        const seen = new Set<string>();
        let cursor: string | undefined;
        let pages = 0;
        do {
          const page = await opened.scan(cursor, { timeoutMs: PATIENT_MS });
          for (const { key } of page.entries) seen.add(key);
          cursor = page.cursor;
          pages += 1;
        } while (cursor !== undefined && pages < 10_000);
        expect(keys.filter((key) => !seen.has(key))).toEqual([]);
      }
      await moving;
    });

    it("waits for a replica to take over from a master that died", async () => {
      const { started, opened } = await start({ replicasPerMaster: 1 });
      const vault = vaultOf(opened);
      const report = await loadDuring(vault, () => started.killMaster(0));
      expect(codesOf(report.failures)).toEqual([]);
      expect(report.mistaken).toBe(0);
      expect(report.longestMs).toBeLessThan(PATIENT_MS);
    });

    it("promises as little as its weakest master, and a failover is asked anew", async () => {
      const appendOnly = ["--appendonly", "yes", "--appendfsync", "always"];
      const { started, opened } = await start({ replicasPerMaster: 1, arguments: appendOnly });
      expect(await opened.ready()).toEqual({ durability: "disk", evicts: false });
      await started.call(1, "CONFIG", "SET", "appendfsync", "everysec");
      expect(await opened.ready()).toEqual({ durability: "process", evicts: false });
      await started.call(1, "CONFIG", "SET", "appendfsync", "always");
      expect(await opened.ready()).toEqual({ durability: "disk", evicts: false });
      for (const replica of [3, 4, 5])
        await started.call(replica, "CONFIG", "SET", "appendonly", "no");
      await started.killMaster(2);
      await expect
        .poll(() => codeOfInserts(opened), { timeout: PATIENT_MS })
        .toContain("ERR_VAULT_CACHE_UNSAFE");
      expect((await opened.ready()).durability).toBe("none");
    });
  });
}

/** Inserts into slots of every master; returns what failed. */
async function codeOfInserts(cache: CacheBackend): Promise<unknown[]> {
  const keys = Array.from({ length: 30 }, () => Math.random().toString(36).slice(2));
  const outcomes = await Promise.allSettled(
    keys.map(async (key) => cache.insert(key, { head: HEAD }, LONG)),
  );
  return codesOf(
    outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : [])),
  );
}

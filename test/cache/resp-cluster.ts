/** The tests of a cluster, for each product. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { type RespCluster, startRespCluster } from "../support/servers/resp-cluster.js";
import { missingServer, type RespProduct } from "../support/servers/resp-server.js";
import { codesOf, countLost, loadDuring } from "./redis-load.js";

const PATIENT_MS = 30_000;
const LONG = { purgeAfterMs: 600_000, timeoutMs: PATIENT_MS } as const;
const [HEAD, BODY] = [Buffer.from("head"), Buffer.from("body")];
const KEYS = 300;
const PAUSE_MS = 2;
const MOST_ROUNDS = 200;

/** Opens a cache on a cluster. */
type Open = (target: { readonly cluster: RespCluster["nodes"] }) => Promise<CacheBackend>;

/** Declares the tests of a cluster of a product. */
export function describeCluster(product: RespProduct, open: Open): void {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(missing ?? `a cluster of ${product} servers`, () => {
    describe("whose slots move", () => declareMoves(product, open));
    describe("with replicas", () => declareFailovers(product, open));
  });
}

function declareMoves(product: RespProduct, open: Open): void {
  let cluster: RespCluster;
  let cache: CacheBackend;

  beforeAll(async () => {
    cluster = await startRespCluster(product);
  });

  afterAll(() => cluster.stop());

  beforeEach(async () => {
    cache = await open({ cluster: cluster.nodes });
    return async () => {
      await cache.close();
      for (const [index] of cluster.nodes.entries()) await cluster.call(index, "FLUSHALL");
    };
  });

  it("causes no error for callers who wait while slots move under load", async () => {
    const vault = vaultOf(cache);
    const report = await loadDuring(vault, async ({ sealed }) => {
      await expect.poll(() => sealed.size, { timeout: PATIENT_MS }).toBeGreaterThan(100);
      // A call is redirected only if its slot has moved since the client last read the map of slots.
      for (let round = 0; round < MOST_ROUNDS; round++) {
        await cluster.moveSlots(40);
        if (round >= 5 && (await redirections(cluster)) > 0) break;
      }
    });
    expect(codesOf(report.failures)).toEqual([]);
    expect(report.mistaken).toBe(0);
    expect(await redirections(cluster)).toBeGreaterThan(0);
    expect(await countLost(vault, report.sealed)).toBe(0);
  });

  it("causes no error while slots move under changes and deletions of records with bodies", async () => {
    await cache.ready();
    let isOver = false;
    const work = async (worker: number) => {
      for (let round = 0; !isOver; round++) {
        const key = `record ${worker} ${round}`;
        expect(await cache.insert(key, { head: HEAD, body: BODY }, LONG)).toBe("inserted");
        const entry = await cache.get(key, LONG);
        if (typeof entry !== "object") throw new Error("a record is missing");
        const options = { ifRevision: entry.revision, ...LONG };
        expect(await cache.replace(key, BODY, options)).toBe("replaced");
        expect(await cache.replace(key, HEAD, options)).toBe("conflict");
        expect(await cache.getBody(key, LONG)).toEqual(BODY);
        if (round % 2 === 0) expect(await cache.delete(key, LONG)).toBe(true);
        // This process also moves the slots, so the event loop must run.
        await sleep(PAUSE_MS);
      }
    };
    const workers = Array.from({ length: 8 }, (_, worker) => work(worker));
    for (let round = 0; round < 6; round++) await cluster.moveSlots(40);
    isOver = true;
    await Promise.all(workers);
  });

  it("is scanned completely while slots move", async () => {
    await cache.ready();
    const keys = Array.from({ length: KEYS }, (_, index) => `key-${index}`);
    await Promise.all(keys.map(async (key) => cache.insert(key, { head: HEAD }, LONG)));
    let isOver = false;
    const moving = (async () => {
      for (let round = 0; round < 6; round++) await cluster.moveSlots(30);
    })().finally(() => {
      isOver = true;
    });
    for (let scan = 0; scan < 1000 && !isOver; scan++) {
      const seen = await keysOf(cache, PATIENT_MS);
      expect(keys.filter((key) => !seen.has(key))).toEqual([]);
    }
    await moving;
  });
}

function declareFailovers(product: RespProduct, open: Open): void {
  let cluster: RespCluster | undefined;
  let cache: CacheBackend | undefined;

  afterEach(async () => {
    await cache?.close();
    await cluster?.stop();
  });

  async function start(further: readonly string[] = []) {
    const started = await startRespCluster(product, { replicasPerMaster: 1, arguments: further });
    cluster = started;
    const opened = await open({ cluster: started.nodes });
    cache = opened;
    return { started, opened };
  }

  it("waits until a replica replaces a master that died", async () => {
    const { started, opened } = await start();
    const vault = vaultOf(opened);
    const replicaOfFirst = started.nodes.length / 2;
    const report = await loadDuring(vault, async () => {
      await started.killMaster(0);
      await expect
        .poll(() => started.call(replicaOfFirst, "INFO", "replication"), { timeout: PATIENT_MS })
        .toContain("role:master");
    });
    // What was acknowledged just before is the replica's to know: only its loss shows as not found.
    expect(["ERR_VAULT_HANDLE_NOT_FOUND"]).toEqual(
      expect.arrayContaining(codesOf(report.failures)),
    );
    expect(report.mistaken).toBe(0);
  });

  it("neither scans nor declares its durability while a master is missing", async () => {
    const further = ["--cluster-require-full-coverage", "no", "--appendonly", "yes"];
    const started = await startRespCluster(product, { arguments: further });
    cluster = started;
    const opened = await open({ cluster: started.nodes });
    cache = opened;
    await opened.ready();
    const keys = Array.from({ length: KEYS }, (_, index) => `key-${index}`);
    await Promise.all(keys.map(async (key) => opened.insert(key, { head: HEAD }, LONG)));
    await started.killMaster(2);
    const unavailable = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
    await expect
      .poll(() => started.call(0, "CLUSTER", "INFO"), { timeout: PATIENT_MS })
      .not.toContain("cluster_slots_fail:0");
    const refusal = expect(opened.ready()).rejects.toMatchObject(unavailable);
    for (let scan = 0; scan < 3; scan++) {
      await expect(keysOf(opened, 500)).rejects.toMatchObject(unavailable);
    }
    await refusal;
    await started.restartNode(2);
    expect(await keysOf(opened, PATIENT_MS)).toEqual(new Set(keys));
    expect(await opened.ready()).toMatchObject({ durability: "process" });
  });

  it("declares the durability of its weakest master, and reads it again after a failover", async () => {
    const appendOnly = ["--appendonly", "yes", "--appendfsync", "always"];
    const { started, opened } = await start(appendOnly);
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
}

/** Returns how many commands were redirected from one master to another. */
async function redirections(cluster: RespCluster): Promise<number> {
  const stats = await Promise.all(
    cluster.nodes.map((_, index) => cluster.call(index, "INFO", "errorstats")),
  );
  const counts = String(stats).matchAll(/errorstat_(?:MOVED|ASK|TRYAGAIN):count=(\d+)/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Returns the keys of all pages. */
async function keysOf(cache: CacheBackend, timeoutMs: number): Promise<Set<string>> {
  const seen = new Set<string>();
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await cache.scan(cursor, { timeoutMs });
    for (const { key } of page.entries) seen.add(key);
    cursor = page.cursor;
    pages += 1;
  } while (cursor !== undefined && pages < 10_000);
  return seen;
}

function vaultOf(cache: CacheBackend): HandleVault {
  const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
  const options = { acceptVolatile: true, cacheTimeoutMs: PATIENT_MS };
  return new HandleVault({ cache, keys, ...options });
}

/** Inserts into slots of every master. Returns the failures. */
async function codeOfInserts(cache: CacheBackend): Promise<unknown[]> {
  const keys = Array.from({ length: 30 }, () => Math.random().toString(36).slice(2));
  const outcomes = await Promise.allSettled(
    keys.map(async (key) => cache.insert(key, { head: HEAD }, LONG)),
  );
  return codesOf(
    outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : [])),
  );
}

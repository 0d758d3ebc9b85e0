/** Writes whose callers gave up while they were in flight, followed by more writes. */
import { setMaxListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, it, vi } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { redisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { overriding } from "../support/failing-cache.js";
import { codeThrownBy } from "../support/refusals.js";
import { missingServer, startRespServer } from "../support/servers/resp-server.js";
import { ManualClock, sealOptions } from "../support/vault.js";

const SEALS = 300;
/** However busy the machine is: what is given up here is given up by hand. */
const PATIENCE_MS = 300_000;
const UNKNOWN = "ERR_VAULT_OUTCOME_UNKNOWN";

/** A store whose responses can be held back. */
interface Scene {
  /** Opens another cache on it. */
  open(): Promise<CacheBackend>;
  /** Keeps the writes that are issued next under way until the returned function is called. */
  hold(cache: CacheBackend): () => Promise<void>;
  /** Asserts that this many records, and no others, have the purge time that they were given. */
  checkPurgeTimes?(cache: CacheBackend, count: number): Promise<void>;
  stop(): Promise<void>;
}

function lmdbScene(): Scene {
  const directory = mkdtempSync(join(tmpdir(), "handlevault-given-up-"));
  const clock = new ManualClock();
  return {
    open: () => openLmdbCache(join(directory, "vault.lmdb"), { clock }),
    hold: (cache) => {
      // All writes of a group are committed together, and so large a body takes long.
      const body = Buffer.alloc(2 ** 26);
      const options = { purgeAfterMs: 1e9, timeoutMs: PATIENCE_MS };
      const head = Buffer.from("head");
      const settled = Promise.allSettled([cache.insert("large", { head, body }, options)]);
      return async () => {
        expect(await settled).toEqual([{ status: "fulfilled", value: "inserted" }]);
      };
    },
    checkPurgeTimes: async (cache, count) => {
      clock.advanceSeconds(300 + 59);
      expect(await cache.purgeExpired(10_000)).toBe(0);
      clock.advanceSeconds(2);
      expect(await cache.purgeExpired(10_000, { timeoutMs: PATIENCE_MS })).toBe(count);
    },
    stop: async () => rmSync(directory, { recursive: true }),
  };
}

async function respScene(product: "redis" | "valkey"): Promise<Scene> {
  const server = await startRespServer(product, { appendFsync: "always" });
  const connections: Redis[] = [];
  return {
    open: async () => {
      if (product === "valkey") return openValkeyCache({ port: server.port });
      const connection = new Redis({ port: server.port });
      connections.push(connection);
      return redisCache(connection);
    },
    hold: () => {
      server.pause();
      return async () => server.resume();
    },
    stop: async () => {
      for (const connection of connections) connection.disconnect();
      await server.stop();
    },
  };
}

vi.setConfig({ testTimeout: PATIENCE_MS });

const KINDS = [
  { name: "LMDB", missing: undefined, start: async () => lmdbScene() },
  { name: "Redis", missing: missingServer("redis"), start: () => respScene("redis") },
  { name: "Valkey", missing: missingServer("valkey"), start: () => respScene("valkey") },
];

/** Remembers a copy of every head that is inserted; `signal` aborts all inserts. */
function remembering(cache: CacheBackend, heads: Map<string, Buffer>, signal?: AbortSignal) {
  const insert: CacheBackend["insert"] = (key, record, options) => {
    heads.set(key, Buffer.from(record.head));
    return cache.insert(key, record, { ...options, signal, timeoutMs: PATIENCE_MS });
  };
  return overriding(cache, { insert });
}

describe.each(KINDS)("writes to $name that were given up under way", ({ missing, start }) => {
  it("are executed unchanged or not at all, whatever is sealed after them", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const scene = await start();
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    const [givenUp, kept] = [new Map<string, Buffer>(), new Map<string, Buffer>()];
    const giveUp = new AbortController();
    setMaxListeners(SEALS, giveUp.signal);
    const cache = await scene.open();
    const vaults = [
      remembering(cache, givenUp, giveUp.signal),
      remembering(await scene.open(), kept),
      remembering(await scene.open(), kept),
    ].map((each) => new HandleVault({ cache: each, keys, cacheTimeoutMs: PATIENCE_MS }));
    const seal = (vault: HandleVault | undefined, index: number) =>
      vault?.seal(`payload ${index}`, sealOptions());
    for (const vault of vaults) await vault.purgeExpired();
    try {
      const release = scene.hold(cache);
      const failing = numbers().map((index) => codeThrownBy(async () => seal(vaults[0], index)));
      for (let turn = 0; turn < 3; turn++) await nextTurn();
      giveUp.abort();
      expect(new Set(await Promise.all(failing))).toEqual(new Set([UNKNOWN]));
      const sealing = Promise.allSettled(
        numbers().map((index) => seal(vaults[1 + (index % 2)], index)),
      );
      await nextTurn();
      await release();
      expect(new Set((await sealing).map(({ status }) => status))).toEqual(new Set(["fulfilled"]));
      let made = 0;
      for (const [key, head] of [...givenUp, ...kept]) {
        const entry = await cache.get(key, { timeoutMs: PATIENCE_MS });
        if (entry === undefined) expect(kept.has(key)).toBe(false);
        else expect(entry).toMatchObject({ head });
        if (entry !== undefined) made += 1;
      }
      expect(made).toBeGreaterThan(kept.size);
      await scene.checkPurgeTimes?.(cache, made);
    } finally {
      for (const vault of vaults) await vault.close();
      await scene.stop();
    }
  });
});

function numbers(): number[] {
  return Array.from({ length: SEALS }, (_, index) => index);
}

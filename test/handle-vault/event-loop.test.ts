import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LoopTurns } from "../support/event-loop.js";
import { overriding } from "../support/failing-cache.js";
import {
  type CacheBackend,
  generateKey,
  HandleVault,
  KeyRing,
  lruCache,
  memoryCache,
  type Outcome,
} from "../support/modules.js";
import { rotate } from "../support/rotation.js";
import { ManualClock, OWNER, STRANGER, sealOptions } from "../support/vault.js";

const CLOSED = { code: "ERR_VAULT_CLOSED" };
const COUNT = 2000;
const SLICE_MS = 5;
/** The most cache calls between two turns of the loop, and one time slice. */
const MOST_TOGETHER = 128 + SLICE_MS;

afterEach(() => void vi.restoreAllMocks());

type Make = (elapsedMs: () => number) => CacheBackend;

/**
 * Simulated work: every call of the cache takes a millisecond, a purge as long as a time slice. Nothing else
 * takes time.
 */
class Work {
  doneMs = 0;
  readonly elapsedMs = (): number => this.doneMs;

  constructor() {
    vi.spyOn(performance, "now").mockImplementation(this.elapsedMs);
  }

  counting(cache: CacheBackend): CacheBackend {
    const counted = <Args extends unknown[], R>(call: (...args: Args) => R) => {
      return (...args: Args): R => {
        this.doneMs += 1;
        return call(...args);
      };
    };
    return overriding(cache, {
      insert: counted((key, record, options) => cache.insert(key, record, options)),
      get: counted((key, options) => cache.get(key, options)),
      replace: counted((key, head, options) => cache.replace(key, head, options)),
      purgeExpired: (limit, options) => {
        this.doneMs += SLICE_MS;
        return cache.purgeExpired(limit, options);
      },
    });
  }
}

const inMemory: Make = (elapsedMs) => memoryCache({ elapsedMs, maxEntries: 10 * COUNT });
const evicting: Make = (elapsedMs) => lruCache({ elapsedMs, maxEntries: 10 * COUNT });

/** Returns a vault with records under an old key, all with limited uses. */
async function scene(make: Make = inMemory) {
  const work = new Work();
  await nextTurn(); // ends a slice of earlier work
  const clock = new ManualClock();
  const started = clock.nowMs;
  const cache = work.counting(make(() => clock.nowMs - started));
  const keys = KeyRing.from({ current: "old", keys: { old: generateKey() } });
  const vault = new HandleVault({ cache, clock, keys });
  const options = sealOptions({ maxUses: 5, ttlSeconds: 60 });
  const requests = Array.from({ length: COUNT }, (_, data) => ({ data, ...options }));
  const ids = (await vault.sealMany(requests)).map((outcome) => successOf(outcome).id);
  rotate(keys, "new", generateKey());
  return { vault, clock, requests, ids, work };
}

type Scene = Awaited<ReturnType<typeof scene>>;

function successOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

function unsealAll({ vault, ids }: Scene): Promise<Outcome<unknown>[]> {
  return vault.unsealMany(ids.map((id) => ({ id, requestingPrincipal: OWNER })));
}

function purgeAll({ vault, clock }: Scene): Promise<number> {
  clock.advanceSeconds(3600);
  return vault.purgeExpired();
}

const operations: readonly [string, (scene: Scene) => Promise<unknown>][] = [
  ["sealMany", ({ vault, requests }) => vault.sealMany(requests)],
  ["unsealMany", unsealAll],
  ["rewrap", ({ vault }) => vault.rewrap()],
];

const caches: readonly [string, Make][] = [
  ["memory", inMemory],
  ["LRU", evicting],
];

describe.each(caches)("on a synchronous cache (%s)", (_, make) => {
  it.each(operations)(
    "%s lets the event loop turn every few milliseconds",
    async (__, operation) => {
      const current = await scene(make);
      const turns = new LoopTurns(current.work.elapsedMs);
      await operation(current);
      const { count, longestMs } = turns.stop();
      expect(count).toBeGreaterThan(COUNT / MOST_TOGETHER);
      expect(longestMs).toBeLessThanOrEqual(MOST_TOGETHER);
    },
  );

  it.each(operations)(
    "%s lets it turn as often during many concurrent calls",
    async (__, operation) => {
      const current = await scene(make);
      const turns = new LoopTurns(current.work.elapsedMs);
      await Promise.all(Array.from({ length: 3 }, () => operation(current)));
      expect(turns.stop().longestMs).toBeLessThanOrEqual(3 * MOST_TOGETHER);
    },
  );

  it("purgeExpired lets the event loop turn between its batches", async () => {
    const current = await scene(make);
    const turns = new LoopTurns(current.work.elapsedMs);
    expect(await purgeAll(current)).toBe(COUNT);
    expect(turns.stop().longestMs).toBeLessThanOrEqual(2 * SLICE_MS);
  });
});

describe("work that is interrupted for the event loop", () => {
  it("returns the outcomes of sealMany and unsealMany in the order of their requests", async () => {
    const current = await scene();
    const payloads = (await unsealAll(current)).map(successOf);
    expect(payloads).toEqual(current.requests.map(({ data }) => data));
  });

  it("counts every use exactly while others unseal the same handles", async () => {
    const current = await scene();
    const outcomes = (
      await Promise.all(Array.from({ length: 7 }, () => unsealAll(current)))
    ).flat();
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(5 * COUNT);
  });

  it("rewraps records that change between two slices, and skips deleted ones", async () => {
    const { vault, ids } = await scene();
    let isDone = false;
    const changing = (async () => {
      for (const [index, id] of ids.entries()) {
        if (isDone) return;
        if (index % 2 === 0) await vault.grant(id, STRANGER, { by: OWNER });
        else await vault.invalidate(id);
        await nextTurn();
      }
    })();
    const report = await vault.rewrap();
    isDone = true;
    await changing;
    expect(report.failed).toBe(0);
    expect(Object.keys(report.keyUsage)).toEqual(["new"]);
    const after = await vault.rewrap();
    expect(after).toMatchObject({ rewrapped: 0, failed: 0, keyUsage: { new: after.visited } });
  });

  it("ends although others seal faster than rewrap moves records", async () => {
    const { vault, requests } = await scene();
    let isDone = false;
    const sealing = (async () => {
      for (let round = 0; !isDone && round < 8; round++) await vault.sealMany(requests);
    })();
    await nextTurn();
    const { visited } = await vault.rewrap();
    isDone = true;
    expect(visited).toBeLessThan(2 * COUNT);
    await sealing;
  });

  it.each(operations)(
    "is refused for the rest when the vault is closed during %s",
    async (name, operation) => {
      const current = await scene();
      const startMs = current.work.doneMs;
      const working = operation(current);
      while (current.work.doneMs < startMs + COUNT / 4) await nextTurn();
      await current.vault.close();
      if (name === "rewrap") {
        await expect(working).rejects.toMatchObject(CLOSED);
        return;
      }
      const outcomes = (await working) as Outcome<unknown>[];
      expect(outcomes).toHaveLength(COUNT);
      expect(outcomes[0]?.ok).toBe(true);
      expect(outcomes.at(-1)).toMatchObject({ ok: false, error: CLOSED });
    },
  );

  it("is refused for the rest when the vault is closed during purgeExpired", async () => {
    const current = await scene();
    const purging = purgeAll(current);
    await nextTurn();
    await current.vault.close();
    await expect(purging).rejects.toMatchObject(CLOSED);
  });
});

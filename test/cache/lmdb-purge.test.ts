/** The records that an LMDB cache purges automatically, and those that it never removes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Purger } from "../../src/cache/lmdb/purger.js";
import { lmdbCache, openLmdbCache } from "../../src/cache/lmdb.js";
import type { PurgeScheduleParts } from "../../src/cache/purge-schedule.js";
import type { CacheBackend } from "../../src/index.js";
import { codeThrownBy } from "../support/refusals.js";
import { ManualClock } from "../support/vault.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const PATIENTLY = { timeout: 30_000, interval: 5 };
const RECORD = { head: Buffer.from("head"), body: Buffer.from("body") };

/** The timer of a schedule, which the test fires. */
const timer = vi.hoisted(() => {
  let callback: (() => void) | undefined;
  return {
    delays: [] as number[],
    get isSet() {
      return callback !== undefined;
    },
    after(delayMs: number, next: () => void) {
      callback = next;
      timer.delays.push(delayMs);
      return () => {
        callback = undefined;
      };
    },
    /** Fires the timer twice: for the end of the first pause, and for a slice. */
    fire() {
      for (let count = 0; count < 2; count++) {
        const due = callback;
        callback = undefined;
        due?.();
      }
    },
  };
});
vi.mock("../../src/cache/purge-schedule.js", async (importOriginal) => {
  const original = await importOriginal<typeof import("../../src/cache/purge-schedule.js")>();
  class PurgeSchedule extends original.PurgeSchedule {
    constructor(parts: PurgeScheduleParts, nextMs: number | undefined) {
      super({ ...parts, after: timer.after }, nextMs);
    }
  }
  return { ...original, PurgeSchedule };
});

let folder = "";
let path = "";
let clock = new ManualClock();
const caches: CacheBackend[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handlevault-purge-"));
  path = join(folder, "vault.lmdb");
  clock = new ManualClock();
  timer.delays = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cache of caches.splice(0)) await cache.close();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(options: Parameters<typeof openLmdbCache>[1] = {}): Promise<CacheBackend> {
  const cache = await openLmdbCache(path, { clock, ...options });
  caches.push(cache);
  return cache;
}

async function insertAll(cache: CacheBackend, names: readonly string[], purgeAfterMs: number) {
  await Promise.all(names.map((name) => cache.insert(name, RECORD, { purgeAfterMs })));
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind} ${index}`);
}

/** Counts the records of a kind that are stored, due or not. */
async function countOf(cache: CacheBackend, kind: string): Promise<number> {
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await cache.scan(cursor);
    count += page.entries.filter(({ key }) => key.startsWith(`${kind} `)).length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return count;
}

describe("an LMDB cache that openLmdbCache returned", () => {
  it("removes due records along with the writes that follow", async () => {
    const cache = await opened();
    await insertAll(cache, names("due", 300), MINUTE);
    clock.advanceSeconds(61);
    for (let round = 0; round < 20; round++) {
      await insertAll(cache, names(`round ${round}`, 20), HOUR);
    }
    await expect.poll(() => countOf(cache, "due")).toBe(0);
    expect(await cache.purgeExpired(1000)).toBe(0);
  });

  it("purges as fast as records are written, however writes are grouped", async () => {
    const cache = await opened();
    let most = 0;
    for (let round = 0; round < 30; round++) {
      await insertAll(cache, names(`due ${round}`, 40), 1);
      clock.advanceSeconds(1);
      most = Math.max(most, await countOf(cache, "due"));
    }
    expect(most).toBeLessThan(1200 / 4);
  });

  it("removes due records by a timer if nothing is written", async () => {
    const cache = await opened();
    await insertAll(cache, names("due", 20), MINUTE);
    await insertAll(cache, names("live", 20), HOUR);
    clock.advanceSeconds(61);
    await nextTurn();
    timer.fire();
    await expect.poll(() => countOf(cache, "due")).toBe(0);
    expect(await countOf(cache, "live")).toBe(20);
    await expect.poll(() => timer.delays.at(-1)).toBe(MINUTE);
  });

  it("purges records that were due before the file was opened", async () => {
    const earlier = await opened();
    await insertAll(earlier, names("due", 20), MINUTE);
    await earlier.close();
    clock.advanceSeconds(61);
    const cache = await opened();
    timer.fire();
    await expect.poll(() => countOf(cache, "due")).toBe(0);
  });

  it("delays a slice while writes are pending", async () => {
    const cache = await opened();
    await insertAll(cache, names("due", 20), MINUTE);
    clock.advanceSeconds(61);
    await nextTurn();
    const inserting = insertAll(cache, ["live 0"], HOUR);
    timer.fire();
    expect(timer.delays.at(-1)).toBe(1000);
    await inserting;
  });

  it("does not delay close, and leaves no record partly removed", async () => {
    const first = await opened();
    await insertAll(first, names("due", 300), MINUTE);
    clock.advanceSeconds(61);
    await nextTurn();
    timer.fire();
    await first.close();
    expect(timer.isSet).toBe(false);
    const cache = await opened({ purge: "manual" });
    const left = await countOf(cache, "due");
    expect(left).toBeGreaterThan(0);
    expect(await cache.purgeExpired(1000)).toBe(left);
    await cache.close();
    const environment = open({ path, overlappingSync: false });
    for (const name of ["heads", "bodies", "expiries"]) {
      const database = environment.openDB({ name: `handlevault-${name}-1`, encoding: "binary" });
      expect(database.getStats()).toMatchObject({ entryCount: 0 });
    }
    await environment.close();
  });

  it("makes room automatically when it is full", async () => {
    const cache = await opened({ maxMapSizeBytes: 4 * 2 ** 20, mapSizeBytes: 2 ** 20 });
    const large = { head: RECORD.head, body: Buffer.alloc(100_000) };
    const insert = async (name: string) => cache.insert(name, large, { purgeAfterMs: MINUTE });
    let filled = 0;
    while ((await codeThrownBy(() => insert(`due ${filled}`))) === "no error") filled += 1;
    expect(filled).toBeGreaterThan(10);
    clock.advanceSeconds(61);
    await expect.poll(() => codeThrownBy(() => insert("new 0")), PATIENTLY).toBe("no error");
  });

  it("acknowledges the writes of callers when its own purges fail", async () => {
    const cache = await opened();
    await insertAll(cache, names("due", 20), MINUTE);
    clock.advanceSeconds(61);
    const purge = vi.spyOn(Purger.prototype, "purge").mockRejectedValue(new Error("a failure"));
    await insertAll(cache, names("more", 16), HOUR);
    expect(purge).toHaveBeenCalled();
    expect(await cache.insert("live 0", RECORD, { purgeAfterMs: HOUR })).toBe("inserted");
  });

  it('leaves purging to its caller with purge: "manual"', async () => {
    const cache = await opened({ purge: "manual" });
    await insertAll(cache, names("due", 20), MINUTE);
    clock.advanceSeconds(61);
    await insertAll(cache, names("live", 100), HOUR);
    expect(timer.delays).toEqual([]);
    expect(await cache.purgeExpired(1000)).toBe(20);
    expect(await codeThrownBy(() => opened({ purge: "never" as "manual" }))).toBe("TypeError");
  });
});

describe("an LMDB cache in a caller's environment", () => {
  it("leaves purging to its caller", async () => {
    const environment = open({ path, overlappingSync: false });
    const cache = lmdbCache(environment, { clock });
    caches.push(cache);
    await insertAll(cache, names("due", 20), MINUTE);
    clock.advanceSeconds(61);
    await insertAll(cache, names("live", 100), HOUR);
    expect(timer.delays).toEqual([]);
    expect(await cache.purgeExpired(1000)).toBe(20);
    await environment.close();
  });
});

describe("a purge by the system's time", () => {
  /** Sets the system's clock ahead by this many milliseconds. */
  function setAhead(byMs: number): void {
    vi.restoreAllMocks();
    const now = Date.now.bind(Date);
    if (byMs !== 0) vi.spyOn(Date, "now").mockImplementation(() => now() + byMs);
  }

  it("removes no record of others after the clock was an hour ahead and was corrected", async () => {
    const ahead = await opened({ clock: undefined });
    setAhead(HOUR);
    await insertAll(ahead, names("first", 1), HOUR);
    setAhead(0);
    const right = await opened({ clock: undefined });
    await insertAll(right, names("live", 1), 50 * MINUTE);
    expect(await ahead.purgeExpired(1000)).toBe(0);
    await insertAll(ahead, names("more", 100), HOUR);
    timer.fire();
    await insertAll(ahead, names("even more", 1), HOUR);
    expect(await right.get("live 0")).toBeDefined();
  });

  it("removes records that are due on both clocks", async () => {
    const cache = await opened({ clock: undefined });
    await insertAll(cache, names("due", 1), 0);
    setAhead(2 * HOUR);
    expect(await cache.purgeExpired(1000)).toBe(1);
  });
});

describe("an LMDB cache that is closed while it purges", () => {
  it("finishes its transaction, and returns the number of removed records", async () => {
    for (let turns = 0; turns < 6; turns++) {
      const cache = await openLmdbCache(path, { clock, purge: "manual" });
      await insertAll(cache, names(`${turns}`, 300), 1);
      clock.advanceSeconds(1);
      const purging = cache.purgeExpired(1000);
      for (let turn = 0; turn < turns; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await cache.close();
      const purged = await purging;
      const reopened = await openLmdbCache(path, { clock, purge: "manual" });
      const left = await countOf(reopened, `${turns}`);
      expect(left).toBe(300 - purged);
      expect(await reopened.purgeExpired(1000)).toBe(left);
      await reopened.close();
    }
  });
});

/** Writes to an open LMDB environment whose files were removed or replaced. */
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lmdbCache, openLmdbCache } from "../../src/cache/lmdb.js";
import type { CacheBackend } from "../../src/index.js";
import { Holder } from "../support/lmdb-holders.js";
import { codeThrownBy, thrownBy } from "../support/refusals.js";

const UNAVAILABLE = "ERR_VAULT_CACHE_UNAVAILABLE";
const PAGE = 4096;
const UNKNOWN = "ERR_VAULT_OUTCOME_UNKNOWN";
const TOO_MANY_READERS = /^ERR_VAULT_CACHE_UNAVAILABLE: .*larger maxReaders/;
const FOR_LONG = { purgeAfterMs: 3_600_000, timeoutMs: 3_600_000 };

let folder = "";
let path = "";
const caches: CacheBackend[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handlevault-files-"));
  path = join(folder, "vault.lmdb");
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cache of caches.splice(0)) await cache.close();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(): Promise<CacheBackend> {
  const cache = await openLmdbCache(path);
  caches.push(cache);
  return cache;
}

async function insert(cache: CacheBackend, key: string): Promise<unknown> {
  return cache.insert(key, { head: Buffer.alloc(100) }, FOR_LONG);
}

/** Makes every check of the files a new one: each reading of the clock advances it by 200 ms. */
function lookEachTime(): void {
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    nowMs += 200;
    return nowMs;
  });
}

const REMOVALS: readonly (readonly [string, () => void])[] = [
  ["the file is removed", () => rmSync(path)],
  [
    "a copy replaces the file",
    () => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  ],
  ["the file is truncated", () => truncateSync(path, statSync(path).size - PAGE)],
  ["lmdb's lock file is removed", () => rmSync(`${path}-lock`)],
  ["a lock file of the gate is removed", () => rmSync(join(`${path}-gate`, "writers"))],
  ["the folder of the gate is removed", () => rmSync(`${path}-gate`, { recursive: true })],
  ["everything is removed", () => rmSync(folder, { recursive: true })],
];

describe("an LMDB cache", () => {
  it.each(REMOVALS)("refuses writes from when %s, certainly", async (_, remove) => {
    const cache = await opened();
    expect(await insert(cache, "before")).toBe("inserted");
    lookEachTime();
    // Pages that lmdb does not use, because reading other missing pages would crash the process.
    truncateSync(path, statSync(path).size + 64 * PAGE);
    expect(await insert(cache, "longer")).toBe("inserted");
    remove();
    const error = await thrownBy(() => insert(cache, "after"));
    expect(error).toMatchObject({ code: UNAVAILABLE });
    expect(String((error as Error).cause)).not.toContain(folder);
    expect(await codeThrownBy(async () => cache.delete("before"))).toBe(UNAVAILABLE);
  });

  it("does not acknowledge a commit to a file that was removed before", async () => {
    const cache = await opened();
    expect(await insert(cache, "before")).toBe("inserted");
    lookEachTime();
    // Before lmdb begins the write, which was issued earlier in this turn.
    setImmediate(() => rmSync(path));
    expect(await codeThrownBy(() => insert(cache, "after"))).toBe(UNKNOWN);
    expect(await codeThrownBy(() => insert(cache, "later"))).toBe(UNAVAILABLE);
  });

  it("accepts writes after it was opened again", async () => {
    const cache = await opened();
    expect(await insert(cache, "before")).toBe("inserted");
    lookEachTime();
    rmSync(path);
    expect(await codeThrownBy(() => insert(cache, "after"))).toBe(UNAVAILABLE);
    await cache.close();
    const again = await opened();
    expect(again.get("before")).toBeUndefined();
    expect(await insert(again, "after")).toBe("inserted");
  });

  it("refuses them, too, in a caller's environment", async () => {
    const home = join(folder, "home");
    const environment = open({ path: home, overlappingSync: false });
    const cache = lmdbCache(environment);
    caches.push(cache);
    expect(await insert(cache, "before")).toBe("inserted");
    lookEachTime();
    rmSync(join(home, "data.mdb"));
    expect(await codeThrownBy(() => insert(cache, "after"))).toBe(UNAVAILABLE);
    await environment.close();
  });
});

describe("a file that was removed or replaced", () => {
  it("is not read, because its records may be revoked in the new file", async () => {
    const cache = await opened();
    expect(await insert(cache, "revoked")).toBe("inserted");
    expect(cache.get("revoked")).toBeDefined();
    lookEachTime();
    rmSync(path);
    for (const read of [
      () => cache.get("revoked"),
      () => cache.getBody("revoked"),
      () => cache.scan(),
    ]) {
      expect(await codeThrownBy(read)).toBe(UNAVAILABLE);
    }
  });
});

describe("LMDB's table of readers", () => {
  it("that is full gives an error with the remedy, never a miss", async () => {
    const cache = await openLmdbCache(path, { maxReaders: 1 });
    caches.push(cache);
    expect(cache.get("key")).toBeUndefined();
    const other = new Holder("open", path);
    expect(await other.line()).toMatch(TOO_MANY_READERS);
    other.kill();
  });

  it("has the length that the option sets", async () => {
    const cache = await openLmdbCache(path, { maxReaders: 300 });
    caches.push(cache);
    // A slot takes 64 bytes.
    expect(statSync(`${path}-lock`).size).toBeGreaterThan(300 * 64);
    expect(await codeThrownBy(() => openLmdbCache(path, { maxReaders: 0 }))).toBe("RangeError");
  });
});

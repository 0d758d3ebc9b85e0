import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import type { CacheBackend } from "../../src/index.js";
import { codeThrownBy } from "../support/refusals.js";
import { mountSmallDisk, NO_SMALL_DISK } from "../support/small-disk.js";
import { closeLater, FOR_LONG, FULL, headOf, put } from "./sqlite-scene.js";

const RESERVE_FILE_BYTES = 2 ** 21;
const disk = mountSmallDisk(12);
afterAll(() => disk?.remove());
if (disk === undefined) console.log(`skipped: ${NO_SMALL_DISK}`);

describe.skipIf(disk === undefined)("a SQLite cache on a full disk", () => {
  const directory = disk?.directory ?? "";
  const path = join(directory, "records.db");
  const filler = join(directory, "filler");

  beforeEach(() => {
    for (const suffix of ["", "-wal", "-shm", "-ballast"]) rmSync(path + suffix, { force: true });
    rmSync(filler, { force: true });
  });

  const open = async (): Promise<CacheBackend> => {
    const cache = closeLater(await openSqliteCache(path));
    await cache.ready();
    return cache;
  };

  for (const [name, bodyBytes] of [
    ["small records", undefined],
    ["bodies of 100 KiB", 102_400],
    ["bodies of a mebibyte", 2 ** 20],
  ] as const) {
    it(`refuses ${name} as full, loses none, and can delete all of them`, async () => {
      const cache = await open();
      const body = bodyBytes === undefined ? undefined : Buffer.alloc(bodyBytes, 7);
      const keys = await fill(cache, body);
      expect(keys.length).toBeGreaterThan(2);
      await assertAll(cache, keys, body);
      await deleteAll(cache, keys);
      await put(cache, "again", body);
      expect(await headOf(cache, "again")).toBe("again");
    });
  }

  it("can delete every record after other software used the last byte", async () => {
    for (const bodyBytes of [undefined, 102_400, 2 ** 20]) {
      rmSync(filler, { force: true });
      const cache = await open();
      const body = bodyBytes === undefined ? undefined : Buffer.alloc(bodyBytes, 7);
      const keys = Array.from(
        { length: bodyBytes === 2 ** 20 ? 3 : bodyBytes === undefined ? 300 : 30 },
        (_, index) => `k${index}`,
      );
      for (const key of keys) await put(cache, key, body);
      takeAllRoom(filler);
      await assertAll(cache, keys, body);
      expect(await codeThrownBy(() => fill(cache, body).then(() => put(cache, "more", body)))).toBe(
        FULL,
      );
      for (const key of await allKeys(cache)) expect(await cache.delete(key)).toBe(true);
      rmSync(filler);
      await put(cache, "again", body);
      expect(statSync(`${path}-ballast`).size).toBe(RESERVE_FILE_BYTES);
      await cache.delete("again");
      await cache.close();
    }
  });

  it("can purge and spend records after other software used the last byte", async () => {
    let nowMs = Date.now();
    const cache = closeLater(await openSqliteCache(path, { clock: { now: () => nowMs } }));
    await cache.ready();
    const body = Buffer.alloc(20_000, 7);
    for (let index = 0; index < 300; index++) {
      await cache.insert(`due ${index}`, { head: Buffer.alloc(500) }, { purgeAfterMs: 1000 });
    }
    for (let index = 0; index < 30; index++) await put(cache, `one-shot ${index}`, body);
    takeAllRoom(filler);
    for (let index = 0; index < 30; index++) {
      const entry = await cache.get(`one-shot ${index}`);
      if (typeof entry !== "object") throw new Error("the record is not there");
      const options = { ifRevision: entry.revision, dropBody: true };
      const outcome = await cache.replace(`one-shot ${index}`, Buffer.from("spent"), options);
      expect(outcome).toBe("replaced");
    }
    nowMs += 2000;
    expect(await cache.purgeExpired(1000)).toBe(300);
  });

  it("completes deletions that are concurrent with refused inserts", async () => {
    const cache = await open();
    const keys = await fill(cache, undefined);
    takeAllRoom(filler);
    const outcomes = await Promise.all(
      keys
        .slice(0, 200)
        .map(async (key, index) =>
          index % 2 === 0
            ? cache.delete(key)
            : codeThrownBy(() =>
                cache.insert(`new ${index}`, { head: Buffer.alloc(5000) }, FOR_LONG),
              ),
        ),
    );
    expect(outcomes.filter((_, index) => index % 2 === 0)).toEqual(Array(100).fill(true));
    expect(new Set(outcomes.filter((_, index) => index % 2 === 1))).toEqual(new Set([FULL]));
  });

  it("writes nothing for a refused insert while another connection reads", async () => {
    const cache = await open();
    const head = Buffer.alloc(3000, 1);
    for (let index = 0; index < 1000; index++) await cache.insert(`${index}`, { head }, FOR_LONG);
    for (let index = 0; index < 500; index++) await cache.delete(`${index}`);
    const reader = closeLater(new Database(path));
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM handlevault_records").get();
    await put(cache, "after the reader began");
    takeAllRoom(filler);
    const before = statSync(`${path}-wal`).size;
    for (let index = 0; index < 20; index++) {
      const insert = () => cache.insert(`new ${index}`, { head: Buffer.alloc(2 ** 19) }, FOR_LONG);
      expect(await codeThrownBy(insert)).toBe(FULL);
    }
    expect(statSync(`${path}-wal`).size).toBe(before);
    expect(await cache.delete("500")).toBe(true);
  });

  it("opens without a reserve file, and creates it once there is space", async () => {
    const first = await open();
    await put(first, "kept");
    await first.close();
    rmSync(`${path}-ballast`);
    takeAllRoom(filler);
    rmSync(filler);
    writeFileSync(filler, Buffer.alloc(11.2 * 2 ** 20, 1));
    const cache = await open();
    expect(existsSync(`${path}-ballast`)).toBe(false);
    expect(await codeThrownBy(() => put(cache, "new"))).toBe(FULL);
    expect(await headOf(cache, "kept")).toBe("kept");
    rmSync(filler);
    await put(cache, "new");
    expect(statSync(`${path}-ballast`)).toMatchObject({ size: RESERVE_FILE_BYTES });
    expect(statSync(`${path}-ballast`).mode & 0o777).toBe(0o600);
  });

  /** Inserts until the disk is full, and returns the keys of the acknowledged records. */
  async function fill(cache: CacheBackend, body: Uint8Array | undefined): Promise<string[]> {
    const keys: string[] = [];
    for (let index = 0; index < 50_000; index++) {
      const key = `filled ${index}`;
      try {
        const head = Buffer.alloc(body === undefined ? 2000 : 500, key);
        expect(await cache.insert(key, { head, body }, FOR_LONG)).toBe("inserted");
      } catch (error) {
        expect(error).toMatchObject({ code: FULL });
        return keys;
      }
      keys.push(key);
    }
    throw new Error("the disk does not become full");
  }
});

async function assertAll(
  cache: CacheBackend,
  keys: readonly string[],
  body: Uint8Array | undefined,
): Promise<void> {
  for (const key of keys) {
    expect((await headOf(cache, key))?.startsWith(key)).toBe(true);
    const stored = await cache.getBody(key);
    if (body === undefined) expect(stored).toBeUndefined();
    else expect(Buffer.compare(stored ?? Buffer.alloc(0), body)).toBe(0);
  }
}

async function deleteAll(cache: CacheBackend, keys: readonly string[]): Promise<void> {
  for (const key of keys) expect(await cache.delete(key)).toBe(true);
}

async function allKeys(cache: CacheBackend): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await cache.scan(cursor);
    keys.push(...page.entries.map(({ key }) => key));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}

describe.skipIf(disk === undefined)("a SQLite cache on a disk that becomes full at once", () => {
  it("can delete the records one by one, whatever the WAL contains", async () => {
    const larger = mountSmallDisk(64);
    if (larger === undefined) throw new Error("the second file system cannot be mounted");
    try {
      const cache = await openSqliteCache(join(larger.directory, "records.db"));
      await cache.ready();
      const body = Buffer.alloc(40_000, 7);
      for (let index = 0; index < 60; index++) await put(cache, `with body ${index}`, body);
      for (let start = 0; start < 1500; start += 100) {
        await Promise.all(
          Array.from({ length: 100 }, (_, index) => put(cache, `${start + index}`)),
        );
      }
      takeAllRoom(join(larger.directory, "filler"));
      for (const key of await allKeys(cache)) expect(await cache.delete(key)).toBe(true);
      expect(await allKeys(cache)).toEqual([]);
      await cache.close();
    } finally {
      larger.remove();
    }
  });

  it("leaves space to another process's deletions, even if it measured more space before", async () => {
    const larger = mountSmallDisk(64);
    if (larger === undefined) throw new Error("the second file system cannot be mounted");
    try {
      const path = join(larger.directory, "records.db");
      const [deleting, inserting] = [await openSqliteCache(path), await openSqliteCache(path)];
      for (const cache of [deleting, inserting]) await cache.ready();
      for (let index = 0; index < 500; index++) await put(deleting, `${index}`);
      await put(inserting, "measured");
      takeAllRoom(join(larger.directory, "filler"));
      const record = { head: Buffer.alloc(100), body: Buffer.alloc(100_000, 7) };
      const outcomes = new Set<string>();
      let wasGivenUp = false;
      for (let index = 0; index < 500; index++) {
        expect(await deleting.delete(`${index}`)).toBe(true);
        wasGivenUp ||= !existsSync(`${path}-ballast`);
        for (let more = 0; wasGivenUp && more < 20; more++) {
          const insert = () => inserting.insert(`${index}.${more}`, record, FOR_LONG);
          outcomes.add(await codeThrownBy(insert));
        }
      }
      // If the WAL leaves more space than the reserve file needs, an insert may use the rest.
      outcomes.delete("no error");
      expect(outcomes).toEqual(new Set([FULL]));
      for (const cache of [deleting, inserting]) await cache.close();
    } finally {
      larger.remove();
    }
  });
});

/** Fills the disk, in smaller and smaller pieces. */
function takeAllRoom(filler: string): void {
  for (let bytes = 2 ** 20; bytes >= 512; ) {
    try {
      writeFileSync(filler, Buffer.alloc(bytes, 1), { flag: "a" });
    } catch {
      bytes /= 2;
    }
  }
}

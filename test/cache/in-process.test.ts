import { describe, expect, it } from "vitest";
import { InProcessCache, type RecordMap, type StoredRecord } from "../../src/cache/in-process.js";
import { bytes, put } from "./in-process.js";

/** A map without bounds that counts its reads. */
class CountingMap implements RecordMap {
  readonly maxBytes = Number.POSITIVE_INFINITY;
  readonly #records = new Map<string, StoredRecord>();
  calls = 0;

  get size(): number {
    return this.#records.size;
  }

  get(key: string): StoredRecord | undefined {
    this.calls += 1;
    return this.#records.get(key);
  }

  peek(key: string): StoredRecord | undefined {
    return this.get(key);
  }

  lacksRoom(): boolean {
    return false;
  }

  set(key: string, record: StoredRecord): void {
    this.#records.set(key, record);
  }

  delete(key: string): void {
    this.#records.delete(key);
  }

  wasEvicted(): boolean {
    return false;
  }

  clear(): void {
    this.#records.clear();
  }
}

async function filled(count: number) {
  const map = new CountingMap();
  const cache = new InProcessCache({ openMap: () => map, evicts: false, elapsedMs: () => 0 });
  await cache.ready();
  for (let index = 0; index < count; index++) await put(cache, `key ${index}`);
  map.calls = 0;
  return { cache, map };
}

describe("a scan of a cache in this process", () => {
  it("reads each record once, so that its cost is linear in the number of records", async () => {
    const { cache, map } = await filled(10_000);
    let pages = 0;
    for (let cursor: string | undefined = ""; cursor !== undefined; pages++) {
      ({ cursor } = cache.scan(cursor === "" ? undefined : cursor));
    }
    expect(pages).toBe(10);
    expect(map.calls).toBe(10_000);
  });

  it("ends even if records are inserted with every page", async () => {
    const { cache } = await filled(3000);
    const seen: string[] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page = cache.scan(cursor === "" ? undefined : cursor);
      seen.push(...page.entries.map(({ key }) => key));
      cursor = page.cursor;
      const first = seen.length;
      for (let count = 0; count < 2000; count++) await put(cache, `new ${first} ${count}`);
    }
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, index) => `key ${index}`));
  });

  it.each(["x", "1", "1-", "-1-5", "1-2-3", "1e3-4", ""])(
    "refuses %j, which is not a cursor of a scan",
    async (cursor) => {
      const { cache } = await filled(1);
      expect(() => cache.scan(cursor)).toThrow(RangeError);
    },
  );

  it("returns the current state of a record, however often it was rewritten", async () => {
    const { cache } = await filled(2);
    for (let value = 2; value < 6; value++) {
      const [entry] = cache.scan().entries;
      cache.replace("key 0", bytes(10, value), { ifRevision: entry?.revision ?? -1 });
    }
    expect(cache.scan().entries.map(({ head }) => head[0])).toEqual([5, 1]);
  });
});

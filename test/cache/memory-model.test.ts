/** Compares the memory cache with a model: a plain `Map`, with sums instead of running totals. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type CacheBackend, memoryCache, type Revision } from "../../src/index.js";
import { bytes, ManualClock, orFull } from "./in-process.js";

const MAX_ENTRIES = 5;
const MAX_BYTES = 150;
const PURGED_PER_INSERT = 4;
const SECOND_MS = 1000;

interface ModelRecord {
  readonly head: Buffer;
  readonly body: Buffer | undefined;
  readonly purgeAtMs: number;
}

type Operation =
  | { readonly kind: "insert"; key: string; head: number; body: number | undefined; after: number }
  | {
      readonly kind: "replace";
      key: string;
      head: number | undefined;
      after: number | undefined;
      dropBody: boolean;
      isStale: boolean;
    }
  | { readonly kind: "delete"; key: string }
  | { readonly kind: "purge"; limit: number }
  | { readonly kind: "pass"; seconds: number };

type Replace = Extract<Operation, { kind: "replace" }>;

const key = fc.constantFrom("a", "b", "c", "dd", "ee", "fff", "ggg");
const byteCount = fc.nat(40);
const seconds = fc.nat(4);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("insert"),
      key,
      head: byteCount,
      body: fc.option(byteCount, { nil: undefined }),
      after: seconds,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("replace"),
      key,
      head: fc.option(byteCount, { nil: undefined, freq: 8 }),
      after: fc.option(seconds, { nil: undefined }),
      dropBody: fc.boolean(),
      isStale: fc.nat(9).map((number) => number === 0),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete"), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge"), limit: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass"), seconds: fc.nat(2) }) },
);

/** A memory cache without optimizations. */
class Model {
  readonly records = new Map<string, ModelRecord>();

  get usedBytes(): number {
    return [...this.records].reduce((sum, [name, record]) => sum + sizeOf(name, record), 0);
  }

  insert(name: string, record: ModelRecord, nowMs: number): string {
    this.purge(PURGED_PER_INSERT, nowMs);
    if (this.records.has(name)) return "exists";
    if (!this.makeRoom({ byteCount: sizeOf(name, record), count: 1, nowMs })) return "full";
    this.records.set(name, record);
    return "inserted";
  }

  replace(name: string, next: ModelRecord | undefined, nowMs: number): string {
    const record = this.records.get(name);
    if (record === undefined) return "absent";
    if (next === undefined) {
      this.records.delete(name);
      return "replaced";
    }
    const growth = sizeOf(name, next) - sizeOf(name, record);
    if (growth > 0 && !this.makeRoom({ byteCount: growth, count: 0, nowMs })) return "full";
    if (!this.records.has(name)) return "absent";
    this.records.set(name, next);
    return "replaced";
  }

  purge(limit: number, nowMs: number): number {
    const due = [...this.records]
      .filter(([, { purgeAtMs }]) => purgeAtMs <= nowMs)
      .sort(([, a], [, b]) => a.purgeAtMs - b.purgeAtMs)
      .slice(0, limit);
    for (const [name] of due) this.records.delete(name);
    return due.length;
  }

  makeRoom({
    byteCount: growth,
    count,
    nowMs,
  }: {
    byteCount: number;
    count: number;
    nowMs: number;
  }) {
    const lacksRoom = () =>
      this.usedBytes + growth > MAX_BYTES || this.records.size + count > MAX_ENTRIES;
    while (lacksRoom()) {
      if (this.purge(1, nowMs) === 0) return false;
    }
    return true;
  }
}

/** Applies each operation to a cache and to the model, and compares the results. */
class Comparison {
  readonly #clock = new ManualClock();
  readonly #model = new Model();
  readonly #revisions = new Map<string, Revision>();
  readonly cache: CacheBackend = memoryCache({
    maxEntries: MAX_ENTRIES,
    maxBytes: MAX_BYTES,
    elapsedMs: this.#clock.elapsedMs,
  });

  async run(operations: readonly Operation[]): Promise<void> {
    await this.cache.ready();
    for (const [step, next] of operations.entries()) {
      await this.#apply(next, step);
      await this.#compare();
    }
    await this.#compareRoom();
  }

  async #apply(next: Operation, step: number): Promise<void> {
    const { nowMs } = this.#clock;
    switch (next.kind) {
      case "pass":
        this.#clock.nowMs += next.seconds * SECOND_MS;
        return;
      case "purge":
        expect(await this.cache.purgeExpired(next.limit)).toBe(
          this.#model.purge(next.limit, nowMs),
        );
        return;
      case "delete":
        expect(await this.cache.delete(next.key)).toBe(this.#model.records.delete(next.key));
        return;
      case "insert": {
        const body = next.body === undefined ? undefined : bytes(next.body, step);
        const record = { head: bytes(next.head, step), body };
        const purgeAfterMs = distinctMs(next.after, step);
        const expected = this.#model.insert(
          next.key,
          { ...record, purgeAtMs: nowMs + purgeAfterMs },
          nowMs,
        );
        const insert = () => this.cache.insert(next.key, record, { purgeAfterMs });
        expect(await orFull(insert)).toBe(expected);
        return;
      }
      case "replace":
        await this.#replace(next, step);
    }
  }

  async #replace(next: Replace, step: number): Promise<void> {
    const { nowMs } = this.#clock;
    const record = this.#model.records.get(next.key);
    const head = next.head === undefined ? undefined : bytes(next.head, step);
    const { after, dropBody } = next;
    const purgeAfterMs = after === undefined ? undefined : distinctMs(after, step);
    const replacement = head && {
      head,
      body: dropBody ? undefined : record?.body,
      purgeAtMs: purgeAfterMs === undefined ? (record?.purgeAtMs ?? 0) : nowMs + purgeAfterMs,
    };
    const ifRevision = next.isStale ? -1 : (this.#revisions.get(next.key) ?? -1);
    const options = { ifRevision, purgeAfterMs, dropBody };
    const isConflict = next.isStale && record !== undefined;
    const expected = isConflict ? "conflict" : this.#model.replace(next.key, replacement, nowMs);
    expect(await orFull(() => this.cache.replace(next.key, head, options))).toBe(expected);
  }

  async #compare(): Promise<void> {
    const { entries } = await this.cache.scan();
    expect(entries).toHaveLength(this.#model.records.size);
    for (const { key: name, head, revision } of entries) {
      const record = this.#model.records.get(name);
      expect(record?.head.equals(head), "the head").toBe(true);
      expect(await this.cache.getBody(name)).toEqual(record?.body);
      this.#revisions.set(name, revision);
    }
  }

  /** Checks the cache's count of bytes: it must accept exactly as many bytes as the model has left. */
  async #compareRoom(): Promise<void> {
    await this.cache.purgeExpired(MAX_ENTRIES);
    this.#model.purge(MAX_ENTRIES, this.#clock.nowMs);
    const room = MAX_BYTES - this.#model.usedBytes;
    if (this.#model.records.size === MAX_ENTRIES || room === 0) return;
    const fill = (size: number) =>
      orFull(() => this.cache.insert("p", { head: bytes(size - 1) }, { purgeAfterMs: SECOND_MS }));
    expect(await fill(room + 1)).toBe("full");
    expect(await fill(room)).toBe("inserted");
  }
}

/** No two records are due at the same time, so that the order of purging is determined. */
function distinctMs(after: number, step: number): number {
  return after * SECOND_MS + step;
}

function sizeOf(name: string, { head, body }: ModelRecord): number {
  return name.length + head.length + (body?.length ?? 0);
}

it("a memory cache behaves like its model, and counts its bytes exactly", async () => {
  const operations = fc.array(operation, { maxLength: 100, size: "max" });
  await fc.assert(
    fc.asyncProperty(operations, async (list) => new Comparison().run(list)),
    { numRuns: 100 },
  );
});

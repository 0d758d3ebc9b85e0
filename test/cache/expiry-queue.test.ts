import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpiryQueue } from "../../src/cache/expiry-queue.js";

/** A queue, and the purge times that count: what the cache around it knows. */
function queueOf(times: ReadonlyMap<string, number>) {
  let checks = 0;
  const queue = new ExpiryQueue((key, purgeAtMs) => {
    checks += 1;
    return times.get(key) === purgeAtMs;
  });
  /** How many places the queue holds, current or not; empties it. */
  const countPlaces = () => {
    checks = 0;
    while (queue.takeDue(Number.POSITIVE_INFINITY) !== undefined);
    return checks;
  };
  return { queue, countPlaces };
}

/** Adds keys with their times, and returns the record of both. */
function filled(entries: readonly (readonly [string, number])[]) {
  const times = new Map<string, number>();
  const { queue, countPlaces } = queueOf(times);
  for (const [key, purgeAtMs] of entries) {
    times.set(key, purgeAtMs);
    queue.add(key, purgeAtMs, times.size);
  }
  return { queue, times, countPlaces };
}

function takeAll(queue: ExpiryQueue, times: Map<string, number>, nowMs: number): string[] {
  const taken: string[] = [];
  for (let key = queue.takeDue(nowMs); key !== undefined; key = queue.takeDue(nowMs)) {
    taken.push(key);
    times.delete(key);
  }
  return taken;
}

const key = fc.constantFrom(..."abcdefghij");
const time = fc.nat(50);

describe("an expiry queue", () => {
  it("gives keys when their time has come, not before, and once", () => {
    const { queue, times } = filled([["a", 10]]);
    expect(queue.takeDue(9)).toBeUndefined();
    expect(queue.takeDue(10)).toBe("a");
    times.delete("a");
    expect(queue.takeDue(10)).toBeUndefined();
  });

  it("gives due keys in order of time", () => {
    const entries = fc.array(fc.tuple(fc.uuid(), time), { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(entries, time, (list, nowMs) => {
        const { queue, times } = filled(list);
        const due = [...times].filter(([, purgeAtMs]) => purgeAtMs <= nowMs);
        const order = new Map(times);
        const taken = takeAll(queue, times, nowMs);
        const takenTimes = taken.map((name) => order.get(name));
        expect(new Set(taken)).toEqual(new Set(due.map(([name]) => name)));
        expect(takenTimes).toEqual(due.map(([, purgeAtMs]) => purgeAtMs).sort((a, b) => a - b));
      }),
    );
  });

  it("skips the places that keys have left, and loses none that they have", () => {
    const change = fc.tuple(key, fc.option(time, { nil: undefined }));
    const turns = fc.array(fc.tuple(fc.array(change, { maxLength: 40, size: "max" }), time));
    fc.assert(
      fc.property(turns, (list) => {
        const { queue, times } = filled([]);
        for (const [changes, nowMs] of list) {
          for (const [name, purgeAtMs] of changes) {
            if (purgeAtMs === undefined) times.delete(name);
            else queue.add(name, purgeAtMs, times.set(name, purgeAtMs).size);
          }
          const due = [...times].filter(([, purgeAtMs]) => purgeAtMs <= nowMs);
          expect(new Set(takeAll(queue, times, nowMs))).toEqual(new Set(due.map(([name]) => name)));
        }
      }),
    );
  });

  it("keeps every current place, in order, when it clears out the others", () => {
    const names = Array.from({ length: 100 }, (_, index) => `key ${index}`);
    const { queue, times } = filled([]);
    for (let round = 1; round <= 50; round++) {
      for (const [index, name] of names.entries()) {
        const purgeAtMs = round * 1000 + ((index * 37) % 100);
        queue.add(name, purgeAtMs, times.set(name, purgeAtMs).size);
      }
    }
    const order = new Map(times);
    const taken = takeAll(queue, times, Number.POSITIVE_INFINITY);
    expect(taken).toHaveLength(names.length);
    const takenTimes = taken.map((name) => order.get(name) ?? 0);
    expect(takenTimes).toEqual([...takenTimes].sort((a, b) => a - b));
  });

  it("holds at most two places a record and a few more, however often they change", () => {
    const { queue, times, countPlaces } = filled([]);
    for (let write = 0; write < 20_000; write++) {
      const name = `key ${write % 10}`;
      queue.add(name, write, times.set(name, write).size);
    }
    expect(countPlaces()).toBeLessThanOrEqual(2 * 10 + 64 + 1);
  });

  it("holds only a few places when records come and go", () => {
    const { queue, times, countPlaces } = filled([]);
    for (let write = 0; write < 20_000; write++) {
      const name = `key ${write}`;
      queue.add(name, 1e6 + write, times.set(name, 1e6 + write).size);
      times.delete(name);
    }
    expect(countPlaces()).toBeLessThanOrEqual(64 + 4);
  });

  // Each of these places is current, as far as the queue can tell.
  it("holds only a few places when a key comes back at the same time again", () => {
    const { queue, times, countPlaces } = filled([]);
    for (let write = 0; write < 1000; write++) queue.add("key", 1, times.set("key", 1).size);
    expect(countPlaces()).toBeLessThanOrEqual(2 * 1 + 64 + 1);
  });

  it("gives nothing after it was cleared", () => {
    const { queue } = filled([["a", 1]]);
    queue.clear();
    expect(queue.takeDue(Number.POSITIVE_INFINITY)).toBeUndefined();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpiryQueue, type QueueEntry } from "../../src/cache/expiry-queue.js";

interface Named extends QueueEntry {
  readonly name: string;
}

/** A queue beside a plain list of its entries. */
class Comparison {
  readonly queue = new ExpiryQueue<Named>();
  readonly times = new Map<Named, number>();
  readonly #entries = new Map<string, Named>();

  set(name: string, purgeAtMs: number): void {
    const entry = this.#entries.get(name) ?? { name, index: -1 };
    if (this.times.has(entry)) this.queue.reschedule(entry, purgeAtMs);
    else this.queue.add(entry, purgeAtMs);
    this.#entries.set(name, entry);
    this.times.set(entry, purgeAtMs);
  }

  remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || !this.times.delete(entry)) return;
    this.queue.remove(entry);
  }

  /** Removes all due entries, and checks that they are complete and in the order of time. */
  takeDue(nowMs: number): void {
    const expected = [...this.times.values()].filter((time) => time <= nowMs);
    const taken: number[] = [];
    for (let due = this.queue.firstDue(nowMs); due; due = this.queue.firstDue(nowMs)) {
      expect(this.queue.timeOf(due)).toBe(this.times.get(due));
      taken.push(this.queue.timeOf(due));
      this.remove(due.name);
    }
    expect(taken).toEqual(expected.sort((a, b) => a - b));
  }
}

const name = fc.constantFrom(..."abcdefghijklmnopqrst");
const time = fc.nat(50);
const change = fc.tuple(name, fc.option(time, { nil: undefined }));

describe("an expiry queue", () => {
  it("returns an entry from its purge time on, until it is removed", () => {
    const { queue } = new Comparison();
    const entry = { name: "a", index: -1 };
    queue.add(entry, 10);
    expect(queue.firstDue(9)).toBeUndefined();
    expect(queue.firstDue(10)).toBe(entry);
    queue.remove(entry);
    expect(queue.firstDue(10)).toBeUndefined();
  });

  it("returns due entries in the order of time, however entries were moved and removed", () => {
    const turns = fc.array(fc.tuple(fc.array(change, { maxLength: 60, size: "max" }), time));
    fc.assert(
      fc.property(turns, (list) => {
        const comparison = new Comparison();
        for (const [changes, nowMs] of list) {
          for (const [key, purgeAtMs] of changes) {
            if (purgeAtMs === undefined) comparison.remove(key);
            else comparison.set(key, purgeAtMs);
          }
          comparison.takeDue(nowMs);
        }
        comparison.takeDue(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it("never takes more than log n steps to add, move or remove one of n entries", () => {
    let steps = 0;
    class Counting implements Named {
      readonly name = "counting";
      #index = -1;
      get index(): number {
        return this.#index;
      }
      set index(index: number) {
        steps += 1;
        this.#index = index;
      }
    }
    const queue = new ExpiryQueue<Counting>();
    const entries = Array.from({ length: 2 ** 14 }, () => new Counting());
    let most = 0;
    const count = (operation: () => void) => {
      steps = 0;
      operation();
      most = Math.max(most, steps);
    };
    for (const [index, entry] of entries.entries()) count(() => queue.add(entry, -index));
    for (const [index, entry] of entries.entries()) {
      count(() => queue.reschedule(entry, (index * 7919) % 10_007));
    }
    for (const entry of entries) count(() => queue.remove(entry));
    expect(most).toBeLessThanOrEqual(15);
  });

  it("returns nothing after it was cleared", () => {
    const { queue } = new Comparison();
    queue.add({ name: "a", index: -1 }, 1);
    queue.clear();
    expect(queue.firstDue(Number.POSITIVE_INFINITY)).toBeUndefined();
  });
});

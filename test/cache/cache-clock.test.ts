import { afterEach, describe, expect, it, vi } from "vitest";
import { agreedTime, cacheClock } from "../../src/cache/cache-clock.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Sets the system's clock ahead by this many milliseconds. */
function setAhead(byMs: number): void {
  vi.restoreAllMocks();
  const now = Date.now.bind(Date);
  if (byMs !== 0) vi.spyOn(Date, "now").mockImplementation(() => now() + byMs);
}

describe("the time up to which records are due", () => {
  it("is the earlier of the process's time and the system's", () => {
    expect(agreedTime(1000, 2000)).toBe(1000);
    expect(agreedTime(2000, 1000)).toBe(1000);
    expect(agreedTime(1000, 61_000)).toBe(1000);
  });

  it("does not exist while the two are more than a minute apart", () => {
    expect(agreedTime(1000, 61_001)).toBeUndefined();
    expect(agreedTime(61_001, 1000)).toBeUndefined();
    expect(agreedTime(Number.NaN, 1000)).toBeUndefined();
  });

  it("does not exist after the system's clock was an hour ahead and was corrected", () => {
    const clock = cacheClock(undefined);
    setAhead(3_600_000);
    clock.now();
    expect(clock.dueMs()).toBeTypeOf("number");
    setAhead(0);
    expect(clock.now()).toBeGreaterThan(Date.now() + 3_500_000);
    expect(clock.dueMs()).toBeUndefined();
  });

  it("follows the system's clock if that was slightly ahead and was corrected", () => {
    const clock = cacheClock(undefined);
    setAhead(30_000);
    clock.now();
    setAhead(0);
    expect(clock.now()).toBeGreaterThan(Date.now() + 20_000);
    expect(clock.dueMs()).toBeLessThanOrEqual(Date.now());
  });

  it("is only that of an injected clock", () => {
    const clock = cacheClock({ now: () => 42 });
    expect([clock.now(), clock.dueMs()]).toEqual([42, 42]);
  });
});

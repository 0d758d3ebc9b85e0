import { describe, expect, it } from "vitest";
import { cacheClock } from "../../src/cache/cache-clock.js";
import { checkPurgeMode, type PurgeBounds, PurgeSchedule } from "../../src/cache/purge-schedule.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A schedule over a list of purge times, with a clock and a timer that the test controls. */
function scene({
  purgeTimes = [] as number[],
  dueMs = (nowMs: number): number | undefined => nowMs,
} = {}) {
  let nowMs = 1_000_000_000;
  let times = purgeTimes.map((ms) => nowMs + ms);
  let timer: { atMs: number; callback: () => void } | undefined;
  const work = {
    isBusy: false,
    isFailing: false,
    purges: [] as { atMs: number; bounds: PurgeBounds }[],
    purge(bounds: PurgeBounds): number | undefined {
      work.purges.push({ atMs: nowMs, bounds });
      if (work.isFailing) throw new Error("a failure");
      times.sort((one, other) => one - other);
      const due = times.filter((ms) => ms <= bounds.dueMs).slice(0, bounds.limit);
      times = times.slice(due.length);
      return times[0];
    },
  };
  const schedule = new PurgeSchedule(
    {
      work,
      clock: { now: () => nowMs, dueMs: () => dueMs(nowMs) },
      after: (delayMs, callback) => {
        const set = { atMs: nowMs + delayMs, callback };
        timer = set;
        return () => {
          if (timer === set) timer = undefined;
        };
      },
    },
    times.length === 0 ? undefined : Math.min(...times),
  );
  /** Advances the time, fires the timer, and waits for its callback. */
  const pass = async (ms: number) => {
    const endMs = nowMs + ms;
    while (timer !== undefined && timer.atMs <= endMs) {
      const { atMs, callback } = timer;
      timer = undefined;
      nowMs = Math.max(nowMs, atMs);
      callback();
      await settled();
    }
    nowMs = endMs;
  };
  return {
    work,
    schedule,
    pass,
    write: (purgeAfterMs: number) => {
      times.push(nowMs + purgeAfterMs);
      schedule.onWrite(nowMs + purgeAfterMs);
    },
    left: () => times.length,
    isTimerSet: () => timer !== undefined,
    purgedAfter: () => work.purges.map(({ atMs }) => atMs - 1_000_000_000),
  };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}

describe("the timer of a purge schedule", () => {
  it("purges due records at their purge time, without any call", async () => {
    const { pass, purgedAfter, left } = scene({ purgeTimes: [5 * MINUTE] });
    await pass(5 * MINUTE - 1);
    expect(purgedAfter()).toEqual([]);
    await pass(1);
    expect(purgedAfter()).toEqual([5 * MINUTE]);
    expect(left()).toBe(0);
  });

  it("is set to an earlier time when a write has an earlier purge time", async () => {
    const { pass, write, purgedAfter } = scene({ purgeTimes: [30 * MINUTE] });
    await pass(2 * MINUTE);
    write(3 * MINUTE);
    await pass(10 * MINUTE);
    expect(purgedAfter()).toEqual([5 * MINUTE]);
  });

  it("starts at most one slice a minute, and none in the first minute", async () => {
    const { pass, purgedAfter } = scene({
      purgeTimes: Array.from({ length: 600 }, (_, index) => index * 1000),
    });
    await pass(10 * MINUTE);
    const slices = purgedAfter();
    expect(slices[0]).toBe(MINUTE);
    for (const [index, atMs] of slices.slice(1).entries()) {
      expect(atMs - (slices[index] ?? 0)).toBeGreaterThanOrEqual(MINUTE);
    }
    expect(slices.length).toBeGreaterThanOrEqual(9);
  });

  it("delays a slice by a second while writes are pending", async () => {
    const { pass, work, purgedAfter } = scene({ purgeTimes: [0] });
    work.isBusy = true;
    await pass(MINUTE + 3500);
    expect(purgedAfter()).toEqual([]);
    work.isBusy = false;
    await pass(1000);
    expect(purgedAfter()).toEqual([MINUTE + 4000]);
  });

  it("starts a slice every hour for records of other processes", async () => {
    const { pass, purgedAfter } = scene();
    await pass(2 * HOUR);
    expect(purgedAfter()).toEqual([HOUR + MINUTE]);
  });

  it("bounds a slice by five milliseconds, not by a number of records", async () => {
    const { pass, work } = scene({ purgeTimes: [0] });
    await pass(MINUTE);
    const [slice] = work.purges;
    expect(slice?.bounds).toMatchObject({ budgetMs: 5, limit: Number.POSITIVE_INFINITY });
  });

  it("starts another slice after one that failed", async () => {
    const { pass, work, purgedAfter, left } = scene({ purgeTimes: [0] });
    work.isFailing = true;
    await pass(MINUTE);
    work.isFailing = false;
    await pass(MINUTE);
    expect(purgedAfter()).toEqual([MINUTE, 2 * MINUTE]);
    expect(left()).toBe(0);
  });

  it("purges nothing while the due time is unknown, and everything once it is known", async () => {
    let isAgreed = false;
    const { pass, purgedAfter, left, write } = scene({
      purgeTimes: [0],
      dueMs: (nowMs) => (isAgreed ? nowMs : undefined),
    });
    await pass(HOUR);
    for (let count = 0; count < 40; count++) write(HOUR);
    expect(purgedAfter()).toEqual([]);
    isAgreed = true;
    await pass(MINUTE);
    expect(left()).toBe(40);
  });

  it("is cancelled when the schedule is stopped, and is not set again", async () => {
    const { pass, schedule, write, isTimerSet, purgedAfter } = scene({ purgeTimes: [0] });
    schedule.stop();
    expect(isTimerSet()).toBe(false);
    for (let count = 0; count < 40; count++) write(0);
    await pass(HOUR);
    expect(isTimerSet()).toBe(false);
    expect(purgedAfter()).toEqual([]);
  });

  it("is not set again by a purge that ends after the schedule was stopped", async () => {
    const { pass, schedule, work, isTimerSet } = scene({ purgeTimes: [0] });
    const { purge } = work;
    work.purge = (bounds) => {
      schedule.stop();
      return purge(bounds);
    };
    await pass(MINUTE);
    expect(work.purges).toHaveLength(1);
    expect(isTimerSet()).toBe(false);
  });

  it("does not keep a process alive", () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const work = { isBusy: false, purge: () => undefined };
    const before = timers();
    const schedule = new PurgeSchedule({ work, clock: cacheClock(undefined) }, undefined);
    expect(timers()).toBe(before);
    schedule.stop();
  });
});

describe("the mode of purging", () => {
  it("is auto or manual", () => {
    for (const mode of ["auto", "manual"]) expect(() => checkPurgeMode(mode)).not.toThrow();
    for (const mode of ["", "off", true, undefined]) {
      expect(() => checkPurgeMode(mode)).toThrow(new TypeError('purge must be "auto" or "manual"'));
    }
  });
});

describe("purges that go along with writes", () => {
  it("start with the first write of a process, so that short-lived processes purge, too", async () => {
    const { write, left } = scene({ purgeTimes: Array.from({ length: 10 }, () => -1) });
    write(HOUR);
    await settled();
    expect(left()).toBe(1);
  });

  it("are as fast as inserts: of records inserted at a constant rate, few due ones are left", async () => {
    const { pass, write, left, work } = scene();
    // The timer never fires, so no slice runs.
    work.isBusy = true;
    for (let round = 0; round < 200; round++) {
      for (let count = 0; count < 20; count++) write(MINUTE);
      await settled();
      await pass(2 * MINUTE);
    }
    expect(left()).toBeLessThanOrEqual(40);
  });

  it("do not start before a known purge time has passed", async () => {
    const { write, purgedAfter } = scene();
    for (let count = 0; count < 1000; count++) write(HOUR);
    await settled();
    expect(purgedAfter()).toEqual([]);
  });

  it("remove a few records for each write, not all at once", async () => {
    const { write, left } = scene({ purgeTimes: Array.from({ length: 10_000 }, () => -1) });
    write(HOUR);
    await settled();
    expect(left()).toBeGreaterThan(9900);
  });

  it("never overlap, however long one takes", async () => {
    const { work, write } = scene({ purgeTimes: Array.from({ length: 10_000 }, () => -1) });
    const { purge } = work;
    let finish = (): void => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    work.purge = ((bounds: PurgeBounds) => slow.then(() => purge(bounds))) as never;
    for (let count = 0; count < 100; count++) write(HOUR);
    finish();
    await settled();
    expect(work.purges).toHaveLength(1);
  });

  it("stop after a failure, which would slow writes down, until a slice succeeds", async () => {
    const { pass, work, write, purgedAfter } = scene({ purgeTimes: [-1] });
    const writeMany = async () => {
      for (let count = 0; count < 100; count++) write(-1);
      await settled();
    };
    work.isFailing = true;
    await writeMany();
    expect(work.purges).toHaveLength(1);
    work.isFailing = false;
    await writeMany();
    expect(work.purges).toHaveLength(1);
    await pass(MINUTE);
    expect(purgedAfter()).toEqual([0, MINUTE]);
    await writeMany();
    expect(work.purges.length).toBeGreaterThan(2);
  });

  it("never make a write fail", async () => {
    const failing = scene({ purgeTimes: [-1] });
    failing.work.isFailing = true;
    failing.write(HOUR);
    await settled();
    expect(failing.work.purges).toHaveLength(1);
    const timeless = scene({
      purgeTimes: [-1],
      dueMs: () => {
        throw new Error("a failure");
      },
    });
    timeless.write(HOUR);
    expect(timeless.work.purges).toEqual([]);
  });
});

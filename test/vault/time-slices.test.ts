import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isPromise } from "../../src/vault/maybe-promise.js";
import { TimeSlices } from "../../src/vault/time-slices.js";
import { LoopTurns } from "../support/event-loop.js";

afterEach(() => void vi.useRealTimers());

function scene() {
  const stopwatch = { nowMs: 0 };
  const elapsedMs = () => stopwatch.nowMs;
  const slices = new TimeSlices(elapsedMs);
  /** Works for this many milliseconds, one at a time. */
  const work = async (ms: number) => {
    for (let done = 0; done < ms; done++) {
      const slice = slices.next();
      if (isPromise(slice)) await slice;
      stopwatch.nowMs += 1;
    }
  };
  return { stopwatch, elapsedMs, slices, work };
}

describe("time slices", () => {
  it("let the event loop turn before more than a few milliseconds of work have passed", async () => {
    const { elapsedMs, work } = scene();
    const turns = new LoopTurns(elapsedMs);
    await work(500);
    const { count, longestMs } = turns.stop();
    expect(count).toBeGreaterThanOrEqual(99);
    expect(longestMs).toBeLessThanOrEqual(5);
  });

  it("block the loop no longer during many concurrent calls, and serve all of them", async () => {
    const { stopwatch, elapsedMs, work } = scene();
    const turns = new LoopTurns(elapsedMs);
    const ends: number[] = [];
    const call = async () => {
      await work(50);
      ends.push(stopwatch.nowMs);
    };
    await Promise.all(Array.from({ length: 20 }, call));
    expect(turns.stop().longestMs).toBeLessThanOrEqual(5);
    expect(Math.min(...ends)).toBeGreaterThan(500);
  });

  it("cost no turn for work that is done within one", () => {
    const { slices } = scene();
    for (let step = 0; step < 1000; step++) expect(slices.next()).toBeUndefined();
  });

  it("start again when the loop has turned for another reason", async () => {
    const { stopwatch, slices } = scene();
    await slices.next();
    await nextTurn();
    stopwatch.nowMs += 1000;
    expect(slices.next()).toBeUndefined();
  });

  it("do not wait for the fake timers of a test runner", async () => {
    vi.useFakeTimers();
    const { work } = scene();
    await expect(work(20)).resolves.toBeUndefined();
  });
});

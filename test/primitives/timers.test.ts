import { describe, expect, it, vi } from "vitest";
import { installTimers, withTimers } from "../../src/primitives/timers.js";
import { fakeTimers } from "../support/fake-timers.js";

const REAL = { setTimeout, setImmediate, queueMicrotask };

describe("timers", () => {
  it("are those of Node even if they are imported while fake ones are installed", async () => {
    fakeTimers();
    vi.resetModules();
    const timers = await import("../../src/primitives/timers.js");
    expect(timers.setTimeout).toBe(REAL.setTimeout);
    expect(timers.setImmediate).toBe(REAL.setImmediate);
    expect(timers.queueMicrotask).toBe(REAL.queueMicrotask);
    await Promise.all([timers.pause(1), timers.nextTurn()]);
  });

  it("are the global ones until they are uninstalled, and then the fake ones are again", async () => {
    fakeTimers();
    const fake = globalThis.setImmediate;
    const turned = withTimers(() => new Promise((resolve) => globalThis.setImmediate(resolve)));
    expect(globalThis.setImmediate).toBe(fake);
    await turned;
  });

  it("stay the global ones until the last of those that installed them is done", () => {
    fakeTimers();
    const fake = globalThis.setImmediate;
    const [first, second] = [installTimers(), installTimers()];
    first();
    expect(globalThis.setImmediate).not.toBe(fake);
    second();
    expect(globalThis.setImmediate).toBe(fake);
  });

  it("do not bring back fake timers that a test has removed in the meantime", () => {
    fakeTimers();
    const undo = installTimers();
    vi.useRealTimers();
    undo();
    expect(globalThis.setImmediate).toBe(REAL.setImmediate);
    expect(globalThis.setTimeout).toBe(REAL.setTimeout);
  });

  it("do not change the globals if nothing has replaced them", () => {
    withTimers(() => {
      expect(globalThis.setImmediate).toBe(REAL.setImmediate);
    });
  });
});

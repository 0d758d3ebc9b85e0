import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CacheBackend, HandleVault, memoryCache } from "../../../src/index.js";
import { probeVault, sealToolOutput } from "../../../src/mcp.js";
import { overriding } from "../../support/failing-cache.js";
import { saying } from "../support/connection.js";
import { lookupScope } from "../support/scope.js";

const NOT_EXECUTED = {
  content: [{ text: expect.stringContaining("Not executed") }],
  isError: true,
};

/** A vault whose disk can be full or missing. It records the written data. */
class BreakableVault {
  readonly vault: HandleVault;
  readonly writes = new Set<string>();
  readonly cache: CacheBackend = memoryCache();
  state: "well" | "full" | "gone" = "well";

  constructor() {
    const { cache } = this;
    this.vault = new HandleVault({
      cache: overriding(cache, {
        insert: (key, record, options) => {
          if (this.state !== "well") throw new Error("the disk of Ada Lovelace is full");
          this.writes.add(key);
          return cache.insert(key, record, options);
        },
        get: (key, options) => {
          if (this.state === "gone") throw new Error("the disk of Ada Lovelace is gone");
          return cache.get(key, options);
        },
      }),
    });
  }

  probe(): Promise<unknown> {
    return probeVault(lookupScope({}, this.vault));
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

describe("a vault that cannot write", () => {
  it("is detected before the first tool runs, and reported in a fixed text", async () => {
    for (const rules of [{}, { show: [] }]) {
      const broken = new BreakableVault();
      broken.state = "full";
      expect(await probeVault(lookupScope(rules, broken.vault))).toMatchObject(NOT_EXECUTED);
    }
  });

  it("does not affect a tool that seals nothing", async () => {
    const broken = new BreakableVault();
    broken.state = "gone";
    expect(await probeVault(lookupScope({ seal: "none" }, broken.vault))).toBeUndefined();
  });

  it("is detected within a second of a successful write", async () => {
    const broken = new BreakableVault();
    expect(await broken.probe()).toBeUndefined();
    broken.state = "full";
    vi.advanceTimersByTime(1000);
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
  });

  it("prevents a second tool from running after an output was withheld", async () => {
    const broken = new BreakableVault();
    expect(await broken.probe()).toBeUndefined();
    broken.state = "full";
    const withheld = await sealToolOutput(saying("x"), lookupScope({}, broken.vault));
    expect(withheld).toMatchObject({ isError: true });
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
    broken.state = "well";
    expect(await broken.probe()).toBeUndefined();
  });
});

describe("an unavailable vault", () => {
  it("is detected at once, even after successful writes", async () => {
    const broken = new BreakableVault();
    expect(await broken.probe()).toBeUndefined();
    broken.state = "gone";
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
  });

  it("is detected at once after it was closed", async () => {
    const broken = new BreakableVault();
    expect(await broken.probe()).toBeUndefined();
    await broken.vault.close();
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
  });
});

describe("a probe", () => {
  it("leaves no record in the vault", async () => {
    const { vault, cache, writes } = new BreakableVault();
    await probeVault(lookupScope({}, vault));
    expect(writes.size).toBe(1);
    for (const key of writes) expect(await cache.get(key)).toBeUndefined();
  });

  it("writes once a second for any number of tools", async () => {
    const breakable = new BreakableVault();
    for (let call = 0; call < 100; call += 1) await breakable.probe();
    expect(breakable.writes.size).toBe(1);
    vi.advanceTimersByTime(1000);
    for (let call = 0; call < 100; call += 1) await breakable.probe();
    expect(breakable.writes.size).toBe(2);
  });

  it("of one vault does not apply to another", async () => {
    expect(await new BreakableVault().probe()).toBeUndefined();
    const broken = new BreakableVault();
    broken.state = "full";
    expect(await broken.probe()).toMatchObject(NOT_EXECUTED);
  });
});

import { describe, expect, it } from "vitest";
import { type CacheBackend, memoryCache } from "../../src/index.js";
import {
  type CacheHarness,
  cacheBackendLaws,
  describeCacheBackend,
  type SuiteOptions,
  type TestDeclaration,
} from "../../src/testing.js";
import { withClock } from "./cache-backend.js";

const LAW = "an insert never overwrites";
const harness = withClock((elapsedMs) => memoryCache({ elapsedMs }));
const overwriting: CacheHarness = {
  ...harness,
  open: () => {
    const cache = memoryCache();
    const soundInsert = cache.insert.bind(cache);
    const insert: CacheBackend["insert"] = async (key, record, options) => {
      await cache.delete(key);
      return soundInsert(key, record, options);
    };
    return Object.assign(cache, { insert });
  },
};

type Tests = Map<string, () => Promise<void>>;

/** A runner that only records the declared tests. */
function recorder(parts: readonly ("fails" | "skip")[] = ["fails", "skip"]) {
  const tests = { it: new Map(), fails: new Map(), skip: new Map() } satisfies Record<
    string,
    Tests
  >;
  const into = (list: Tests) => (name: string, run: () => Promise<void>) =>
    void list.set(name, run);
  const more = Object.fromEntries(parts.map((part) => [part, into(tests[part])]));
  const declaration: TestDeclaration = Object.assign(into(tests.it), more);
  const groups: string[] = [];
  const runner: SuiteOptions = {
    describe: (name, declare) => {
      groups.push(name);
      declare();
    },
    it: declaration,
  };
  return { tests, groups, runner };
}

describe("describeCacheBackend", () => {
  it("declares one test for each law, in one group", () => {
    const { tests, groups, runner } = recorder();
    describeCacheBackend("a cache", harness, runner);
    const declared = [...tests.it.keys(), ...tests.skip.keys()];
    expect(groups).toEqual(["a cache"]);
    expect(declared).toHaveLength(Object.keys(cacheBackendLaws).length);
    expect(Object.keys(cacheBackendLaws)).toEqual(expect.arrayContaining([...tests.it.keys()]));
  });

  it("skips laws that need more than the harness has, and names what they need", () => {
    const { tests, runner } = recorder();
    describeCacheBackend("a cache", { open: () => memoryCache() }, runner);
    const needs = [...tests.skip.keys()].map((name) => /\(needs (\w+)\)$/.exec(name)?.[1]);
    expect(new Set(needs)).toEqual(new Set(["advance", "reopen", "connect"]));
    for (const name of tests.it.keys()) expect(cacheBackendLaws[name]?.needs).toBeUndefined();
  });

  it("omits those laws if the runner cannot skip", () => {
    const { tests, runner } = recorder([]);
    describeCacheBackend("a cache", { open: () => memoryCache() }, runner);
    const free = Object.values(cacheBackendLaws).filter(({ needs }) => needs === undefined);
    expect(tests.it.size).toBe(free.length);
  });

  it("declares an exception, with its reason, as a test that is expected to fail", async () => {
    const { tests, runner } = recorder();
    const exceptions = { [LAW]: "it is a write-through cache" };
    describeCacheBackend("a cache", overwriting, { ...runner, exceptions });
    const [[name, run] = []] = tests.fails;
    expect(name).toBe(`${LAW} (excepted: it is a write-through cache)`);
    expect(tests.it.has(LAW)).toBe(false);
    await expect(run?.()).rejects.toThrow();
  });

  it("fails a stale exception in a runner without expected failures", async () => {
    const exceptions = { [LAW]: "reason" };
    const name = `${LAW} (excepted: reason)`;
    const [broken, sound] = [recorder([]), recorder([])];
    describeCacheBackend("broken", overwriting, { ...broken.runner, exceptions });
    await expect(broken.tests.it.get(name)?.()).resolves.toBeUndefined();
    describeCacheBackend("sound", harness, { ...sound.runner, exceptions });
    await expect(sound.tests.it.get(name)?.()).rejects.toThrow("remove the exception");
  });

  it.each([
    ["names no law", { "a law that is not": "reason" }],
    ["names no law", { toString: "reason" }],
    ["gives no reason", { [LAW]: " " }],
    ["not run without connect", { "what one client writes every client reads": "reason" }],
  ])("refuses an exception that %s", (message, exceptions) => {
    const declare = () =>
      describeCacheBackend("a cache", harness, { ...recorder().runner, exceptions });
    expect(declare).toThrow(TypeError);
    expect(declare).toThrow(message);
  });

  it("accepts the functions of node:test unchanged", () => {
    const fits = ({ describe: group, it: test }: typeof import("node:test")): SuiteOptions => ({
      describe: group,
      it: test,
    });
    expect(fits).toBeTypeOf("function");
  });
});

describe("a law", () => {
  it.each([
    ["holds", harness],
    ["does not hold", overwriting],
  ])("opens one cache and closes it when it %s", async (_, { open }) => {
    const calls: string[] = [];
    const watched = async () => {
      calls.push("open");
      const cache = await open();
      const close = cache.close.bind(cache);
      const watchedClose = () => {
        calls.push("close");
        return close();
      };
      return Object.assign(cache, { close: watchedClose });
    };
    await Promise.allSettled([cacheBackendLaws[LAW]?.({ open: watched })]);
    expect(calls).toEqual(["open", "close"]);
  });

  it("reports its own failure rather than that of a later close", async () => {
    const close = () => {
      throw new Error("cannot close");
    };
    const open = async () => Object.assign(await overwriting.open(), { close });
    await expect(cacheBackendLaws[LAW]?.({ open })).rejects.toThrow("strictly equal");
    const sound = async () => Object.assign(await harness.open(), { close });
    await expect(cacheBackendLaws[LAW]?.({ open: sound })).rejects.toThrow("cannot close");
  });

  it("fails if it runs without the means that it needs", async () => {
    const laws = Object.values(cacheBackendLaws).filter(({ needs }) => needs !== undefined);
    for (const law of laws) {
      const trial = law({ open: () => memoryCache() });
      await expect(trial).rejects.toThrow(`the harness has no ${law.needs}`);
    }
  });
});

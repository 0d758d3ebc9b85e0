/** Tests the laws: a correct cache must pass all of them, and each broken cache must fail its law. */
import { describe, expect, it } from "vitest";
import { cacheBackendLaws } from "../../src/testing.js";
import { describeCache } from "./cache-backend.js";
import { lifeMutants } from "./life-mutants.js";
import { sharedHarness } from "./shared-cache.js";
import { writeMutants } from "./write-mutants.js";

const mutants = { ...writeMutants, ...lifeMutants };

describeCache("a sound cache that is shared and lasting", sharedHarness());

describe("a broken cache", () => {
  it("exists for every law", () => {
    expect(new Set(Object.keys(mutants))).toEqual(new Set(Object.keys(cacheBackendLaws)));
  });

  it.each(Object.entries(mutants))("breaks the law: %s", async (title, mutant) => {
    const harness = sharedHarness(mutant);
    await expect(cacheBackendLaws[title]?.(harness)).rejects.toThrow();
  });
});

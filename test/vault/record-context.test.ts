import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeContext } from "../../src/vault/context.js";
import type { EncryptionContext } from "../../src/vault/contracts.js";

const LOOKUP_ID = "4g_D1RJcX8qAMICvEXjBOzzDJwv74NP9Z4pAVo9KqwA";

/** Few values, so that equal ones occur, and pieces that can move from one text to the other. */
const anyContext: fc.Arbitrary<EncryptionContext> = fc.record({
  block: fc.constant("head"),
  version: fc.integer({ min: 0, max: 1 }),
  flags: fc.integer({ min: 0, max: 1 }),
  lookupId: fc.constantFrom("", "a", "b", "ab", "abb"),
  tenant: fc.constantFrom(undefined, "a", "b", "ba", "bba", "größe"),
});

const context = (changes: Partial<EncryptionContext> = {}): EncryptionContext => ({
  block: "head",
  version: 1,
  flags: 0x81,
  lookupId: LOOKUP_ID,
  ...changes,
});

/** Returns a copy, because the bytes themselves are valid only until the next call. */
const encoded = (value: EncryptionContext): string => encodeContext(value).toString("hex");

describe("the associated data of a head", () => {
  it("has the layout of docs/record-format.md", () => {
    const lookupId = Buffer.from(LOOKUP_ID).toString("hex");
    expect(encoded(context())).toBe(`48560181002b${lookupId}0000`);
    expect(encoded(context({ tenant: "größe" }))).toBe(
      `48560181002b${lookupId}0007${Buffer.from("größe").toString("hex")}`,
    );
  });

  it("differs whenever the context differs in anything", () => {
    fc.assert(
      fc.property(anyContext, anyContext, (one, other) => {
        expect(encoded(one) === encoded(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });

  it("separates the lookup id from the tenant", () => {
    const shifted = [
      context({ lookupId: "ab", tenant: "c" }),
      context({ lookupId: "a", tenant: "bc" }),
      context({ lookupId: "abc" }),
      context({ lookupId: "", tenant: "abc" }),
    ];
    expect(new Set(shifted.map(encoded)).size).toBe(shifted.length);
  });

  it("has space for the longest tenant", () => {
    const tenant = "水".repeat(1024);
    const bytes = encodeContext(context({ tenant }));
    expect(bytes.length).toBe(51 + 3072);
    expect(bytes.subarray(51).toString("utf8")).toBe(tenant);
  });

  it("contains nothing of an earlier, longer context", () => {
    const before = encoded(context());
    encodeContext(context({ tenant: "x".repeat(1000) }));
    expect(encoded(context())).toBe(before);
  });
});

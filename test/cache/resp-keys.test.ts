import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyKeyOf, KeySpace } from "../../src/cache/resp/keys.js";

const space = new KeySpace("hv:");
const anyKey = fc.string({ unit: "binary" });

describe("keys of Redis and Valkey", () => {
  it("a key of the vault is used unchanged", () => {
    const key = "qZ3_-0123456789abcdefghijklmnopqrstuvwxyzABC";
    expect(space.headOf(key)).toBe(`hv:{${key}}`);
    expect(bodyKeyOf(space.headOf(key))).toBe(`hv:{${key}}:b`);
  });

  it("every key becomes ASCII with one hash tag, and is decoded to the same key", () => {
    const lone = fc.constantFrom("\ud800", "\udfff", "", "~", "~0041", "{", "}", "a}:b");
    fc.assert(
      fc.property(fc.oneof(anyKey, lone), (key) => {
        const head = space.headOf(key);
        expect(head).toMatch(/^hv:\{[\w~-]+\}$/);
        expect(space.keyOf(head)).toBe(key);
        expect(space.keyOf(bodyKeyOf(head))).toBeUndefined();
      }),
    );
  });

  it("different keys stay different", () => {
    fc.assert(
      fc.property(anyKey, anyKey, (one, other) => {
        expect(space.headOf(one) === space.headOf(other)).toBe(one === other);
      }),
    );
  });

  it("keys with another prefix are not decoded", () => {
    expect(space.keyOf("hv:x:{key}")).toBeUndefined();
    expect(space.keyOf("hv{key}")).toBeUndefined();
  });
});

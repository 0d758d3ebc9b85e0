import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkMayActFor, mayActAs } from "../../src/auth/may-act-for.js";
import { anyCodeUnit } from "../support/code-units.js";

const gateway = { principal: "gateway", mayActFor: ["bob", "tenant-a/*"] };

describe("the principals that a caller may act for", () => {
  it("a caller is itself, with or without a list", () => {
    expect(mayActAs({ principal: "bob" }, "bob")).toBe(true);
    expect(mayActAs({ principal: "bob", mayActFor: [] }, "bob")).toBe(true);
    expect(mayActAs(gateway, "gateway")).toBe(true);
  });

  it.each(["bob", "tenant-a/alice", "tenant-a/", "tenant-a/b/c", "tenant-a/*"])(
    "%s is covered by an exact principal or a prefix",
    (principal) => {
      expect(mayActAs(gateway, principal)).toBe(true);
    },
  );

  it.each([
    "",
    "bo",
    "bobby",
    "Bob",
    "tenant-a",
    "tenant-b/alice",
    "x/tenant-a/alice",
    "TENANT-A/alice",
    "tenant\u2010a/alice",
    "*",
  ])("%j is not covered by anything near it", (principal) => {
    expect(mayActAs(gateway, principal)).toBe(false);
  });

  it("does not fold forms of Unicode", () => {
    const caller = { principal: "x", mayActFor: ["caf\u00e9"] };
    expect(mayActAs(caller, "cafe\u0301")).toBe(false);
  });

  it("a star alone, from an authenticator that checks nothing, covers no principal", () => {
    const caller = { principal: "x", mayActFor: ["*"] };
    expect(["y", "", "*x"].map((principal) => mayActAs(caller, principal))).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("characters of pattern languages are ordinary characters", () => {
    const caller = { principal: "x", mayActFor: ["a.c", "[a-z]", "a?", "(a+)+$*"] };
    expect(["abc", "q", "ab", "aaaa"].some((principal) => mayActAs(caller, principal))).toBe(false);
  });

  it("a prefix covers exactly the strings that start with it", () => {
    const text = fc.string({ unit: anyCodeUnit, minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, text, (prefix, principal) => {
        const caller = { principal: "longer than any", mayActFor: [`${prefix}*`] };
        expect(mayActAs(caller, principal)).toBe(principal.startsWith(prefix));
      }),
    );
  });
});

describe("a list of the principals that a caller may act for", () => {
  it("is copied and frozen", () => {
    const given = ["bob", "tenant-a/*"];
    const list = checkMayActFor(given, "mayActFor");
    given.push("mallory");
    expect(list).toEqual(["bob", "tenant-a/*"]);
    expect(Object.isFrozen(list)).toBe(true);
  });

  it("may not hold a star alone, for that is everybody", () => {
    expect(() => checkMayActFor(["bob", "*"], "mayActFor")).toThrow(
      new RangeError("mayActFor[1] must not start with *: it is too wide"),
    );
  });

  it.each(["*bob", "a*b", "a**", "a*b*", "**"])("may not hold %s", (pattern) => {
    expect(() => checkMayActFor([pattern], "mayActFor")).toThrow(RangeError);
  });

  it.each(["", "a\u0000b", "line\nbreak", "x".repeat(1025), "\ud800"])(
    "may not hold what is no principal: %j",
    (pattern) => {
      expect(() => checkMayActFor([pattern], "mayActFor")).toThrow(RangeError);
    },
  );

  it.each([undefined, null, "bob", { 0: "bob", length: 1 }, [1], [["bob"]]])(
    "must be an array of strings, not %j",
    (list) => {
      expect(() => checkMayActFor(list, "mayActFor")).toThrow(TypeError);
    },
  );

  it("has at most 256 entries", () => {
    const list = Array.from({ length: 256 }, (_, index) => `p${index}`);
    expect(checkMayActFor(list, "mayActFor")).toHaveLength(256);
    expect(() => checkMayActFor([...list, "q"], "mayActFor")).toThrow(RangeError);
  });

  it("with holes is refused", () => {
    // biome-ignore lint/suspicious/noSparseArray: a hole is what it tests.
    expect(() => checkMayActFor(["a", , "b"], "mayActFor")).toThrow(TypeError);
  });
});

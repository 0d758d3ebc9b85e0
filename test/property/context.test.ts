import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeContext } from "../../src/vault/context.js";
import type { EncryptionContext } from "../../src/vault/contracts.js";

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const byte = fc.integer({ min: 0, max: 255 });
const lookupId = fc.string({ unit: fc.constantFrom(...BASE64URL), maxLength: 255 });
/** Generates valid tenants, including texts that look like fields of the encoding. */
const tenant = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
  fc.constantFrom(
    "A",
    "AA",
    "\0A",
    "é",
    "e\u0301",
    "\u{1f511}",
    "x".repeat(1024),
    "世".repeat(1024),
  ),
);
const context: fc.Arbitrary<EncryptionContext> = fc
  .tuple(byte, byte, lookupId, fc.option(tenant, { nil: undefined }))
  .map(([version, flags, id, name]) => ({
    block: "head",
    version,
    flags,
    lookupId: id,
    ...(name === undefined ? {} : { tenant: name }),
  }));

/** Generates a context and a similar one: with a changed field, or characters moved between fields. */
const neighbours = fc
  .tuple(context, byte, lookupId, tenant, fc.integer({ min: 0, max: 5 }))
  .map(([one, number, id, name, change]): [EncryptionContext, EncryptionContext] => {
    const moved = {
      ...one,
      lookupId: one.lookupId.slice(0, -1),
      tenant: `${one.lookupId.slice(-1)}${one.tenant ?? ""}`,
    };
    const others: EncryptionContext[] = [
      { ...one, version: number },
      { ...one, flags: number },
      { ...one, lookupId: id },
      { ...one, tenant: name },
      moved,
      { block: "head", version: one.version, flags: one.flags, lookupId: one.lookupId },
    ];
    return [one, others[change] ?? one];
  });

const fields = ({ block, version, flags, lookupId: id, tenant: name = "" }: EncryptionContext) =>
  JSON.stringify([block, version, flags, id, name]);
const encoded = (given: EncryptionContext) => encodeContext(given).toString("hex");

describe("the associated data of a context", () => {
  it("are the same for two contexts only if the contexts are", () => {
    fc.assert(
      fc.property(fc.oneof(neighbours, fc.tuple(context, context)), ([one, other]) => {
        expect(encoded(one) === encoded(other)).toBe(fields(one) === fields(other));
      }),
      { numRuns: 3000 },
    );
  });

  it("are refused if the fields do not fit", () => {
    const head = { block: "head", version: 1, flags: 0 } as const;
    for (const lookupId of ["a".repeat(256), "é".repeat(200)]) {
      expect(() => encodeContext({ ...head, lookupId })).toThrow(RangeError);
    }
    expect(() => encodeContext({ ...head, lookupId: "a", tenant: "t".repeat(1201) })).toThrow(
      RangeError,
    );
  });

  it("equal those that the record format documents", () => {
    const given: EncryptionContext = {
      block: "head",
      version: 1,
      flags: 2,
      lookupId: "ab",
      tenant: "é",
    };
    expect(encoded(given)).toBe("48560102000261620002c3a9");
    expect(encoded({ ...given, tenant: undefined })).toBe("4856010200026162" + "0000");
  });

  it("contain the longest lookup id and the longest tenant completely", () => {
    const given: EncryptionContext = {
      block: "head",
      version: 1,
      flags: 0,
      lookupId: "A".repeat(255),
      tenant: "世".repeat(1024),
    };
    expect(encodeContext(given)).toHaveLength(6 + 255 + 2 + 3072);
  });

  it("are valid until the next call, whatever came before", () => {
    fc.assert(
      fc.property(context, context, (one, other) => {
        const before = encoded(one);
        encodeContext(other);
        expect(encoded(one)).toBe(before);
      }),
    );
  });
});

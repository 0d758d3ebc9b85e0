import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSubjectAltName } from "../../src/auth/subject-alt-name.js";
import { expectLinearReading } from "../support/characters-read.js";
import { anyCodeUnit } from "../support/code-units.js";

describe("the text of a certificate's names", () => {
  it("is read name by name", () => {
    expect(readSubjectAltName("DNS:a.test, IP Address:10.0.0.1, URI:spiffe://a/b")).toEqual([
      { kind: "DNS", value: "a.test" },
      { kind: "IP Address", value: "10.0.0.1" },
      { kind: "URI", value: "spiffe://a/b" },
    ]);
  });

  it("that is empty has no names", () => {
    expect(readSubjectAltName("")).toEqual([]);
  });

  it("may quote a value that looks like more names (CVE-2021-44532)", () => {
    expect(readSubjectAltName('DNS:"a.test, URI:spiffe://a/b", email:c@d')).toEqual([
      { kind: "DNS", value: "a.test, URI:spiffe://a/b" },
      { kind: "email", value: "c@d" },
    ]);
  });

  it.each([
    'othername:UPN:"a, URI:spiffe://a/b"',
    'DirName:"CN = a, URI:b"',
    'DirName:CN = "a, URI:b"',
  ])("may quote a part of a value: %s", (text) => {
    expect(readSubjectAltName(text)).toHaveLength(1);
  });

  it.each([
    'URI:"spiffe://a/b',
    'URI:"spiffe://a/b"x',
    'URI:"a""b"',
    'URI:"\\x"',
    "URI:a,URI:b",
    "URI:a, ",
    ", URI:a",
    "URI",
    "URI:a,, URI:b",
    ":a",
  ])("that Node would not write is not believed in part: %s", (text) => {
    expect(readSubjectAltName(text)).toBeUndefined();
  });

  it("gives back whatever was quoted", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: anyCodeUnit }), { minLength: 1 }), (values) => {
        const text = values.map((value) => `URI:${JSON.stringify(value)}`).join(", ");
        expect(readSubjectAltName(text)?.map(({ value }) => value)).toEqual(values);
      }),
    );
  });

  it("is read as often as it is long", async () => {
    await expectLinearReading((length) => {
      expect(readSubjectAltName("URI:a, ".repeat(length / 8))).toBeUndefined();
    });
    await expectLinearReading((length) => {
      expect(readSubjectAltName(`URI:${'"\\'.repeat(length)}`)).toBeUndefined();
    });
  });
});

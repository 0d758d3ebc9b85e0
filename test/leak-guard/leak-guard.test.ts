import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { leakIn } from "./leak-in.js";

const PATIENT = {
  name: "Änne Weiß-Muñoz",
  ssn: "123-45-6789",
  mrn: "MRN-20931744",
  code: "Kq7x",
  income: 48_210.5,
  account: 98_765_432_109_876_543_210n,
  born: new Date("1957-03-14T06:05:00Z"),
  smoker: true,
  lines: "Weiß/Mu\nñoz",
  note: "seen at home",
  mail: "mail+änne@example.org",
};

const utf8 = (text: string) => Buffer.from(text, "utf8");
const spaced = (text: string, by: string) => [...text].join(by);

/** Notations of a value in a safe view, each with the path that the guard must report. */
const LEAKS: Readonly<Record<string, readonly [view: string, path: string]>> = {
  "a text as it is": ["for Änne Weiß-Muñoz only", "/name"],
  "a text in upper case": ["ÄNNE WEISS-MUÑOZ", "/name"],
  "a text in lower case": ["änne weiß-muñoz", "/name"],
  "a text without its accents": ["Anne Weiss-Munoz", "/name"],
  "a text with combining accents": ["Änne Weiß-Muñoz".normalize("NFD"), "/name"],
  "a part of a text": ["one of the Weiß-Muñoz family", "/name"],
  "a text with zero-width characters": [spaced("Weiß-Muñoz", "\u200b"), "/name"],
  "a text with soft hyphens": [spaced("MRN-20931744", "\u00ad"), "/mrn"],
  "a text in full width": ["ＭＲＮ－２０９３１７４４", "/mrn"],
  "a text with mathematical letters": ["𝐌𝐑𝐍-𝟐𝟎𝟗𝟑𝟏𝟕𝟒𝟒", "/mrn"],
  "a text letter by letter": ["M R N 2 0 9 3 1 7 4 4", "/mrn"],
  "a text with JSON escapes": ["\\u0057ei\\u00df-Mu\\u00f1oz", "/name"],
  "a text with escaped line ends": ['"Wei\\u00df\\/Mu\\n\\u00f1oz"', "/lines"],
  "a text with percent encoding": [encodeURIComponent("Änne Weiß-Muñoz"), "/name"],
  "a text with percent encoding and a plus sign": ["mail+%C3%A4nne@", "/mail"],
  "a text with plus signs alone for spaces": ["note=seen+at+home", "/note"],
  "a text with plus signs for spaces": ["q=%C3%84nne+Wei%C3%9F-Mu", "/name"],
  "a text in base64": [`id ${utf8(PATIENT.name).toString("base64")}`, "/name"],
  "a text in base64url": [utf8(PATIENT.name).toString("base64url"), "/name"],
  "a text within base64 of more, one byte on": [
    utf8(`x${PATIENT.mrn}y`).toString("base64"),
    "/mrn",
  ],
  "a text within base64 of more, two bytes on": [
    utf8(`xx${PATIENT.mrn}`).toString("base64"),
    "/mrn",
  ],
  "a text in base64 that goes over lines": [
    utf8(PATIENT.name)
      .toString("base64")
      .replace(/(.{8})/g, "$1\r\n"),
    "/name",
  ],
  "a text in hexadecimal": [utf8(PATIENT.mrn).toString("hex"), "/mrn"],
  "a text in upper-case hexadecimal after a nibble": [
    `a${utf8(PATIENT.mrn).toString("hex").toUpperCase()}`,
    "/mrn",
  ],
  "a text in hexadecimal, byte by byte": [
    utf8(PATIENT.mrn)
      .toString("hex")
      .replace(/(..)(?=.)/g, "$1:"),
    "/mrn",
  ],
  "a short text": ["code kQ7X.", "/code"],
  "a short text in base64": [utf8("Kq7x").toString("base64"), "/code"],
  "a short text in hexadecimal": [utf8("Kq7x").toString("hex"), "/code"],
  "digits alone": ["no. 123456789", "/ssn"],
  "digits in other groups": ["1 23 456 789", "/ssn"],
  "digits with dots": ["123.45.6789", "/ssn"],
  "digits with hyphens that do not break": ["123\u201145\u20116789", "/ssn"],
  "digits with dashes": ["123–45—6789", "/ssn"],
  "digits with a minus and a middle dot": ["123−45·6789", "/ssn"],
  "digits of another script": ["١٢٣-٤٥-٦٧٨٩", "/ssn"],
  "digits one by one": [spaced("123456789", " "), "/ssn"],
  "digits of a text with letters": ["2093 1744", "/mrn"],
  "a number": ["earns 48210.5", "/income"],
  "a number with thousands marked": ["earns 48,210.50", "/income"],
  "a number as the Swiss write it": ["earns 48’210.50", "/income"],
  "a number as Egyptians write it": ["٤٨٬٢١٠٫٥٠", "/income"],
  "a big integer": ["98765432109876543210", "/account"],
  "a part of a big integer": ["ends in 76543210", "/account"],
  "a date": ["born 1957-03-14", "/born"],
  "a date in digits": ["born 19570314", "/born"],
  "a time": ["1957-03-14T06:05:00.000Z", "/born"],
};

describe("the leak guard", () => {
  it.each(Object.entries(LEAKS))("finds %s", (_, [view, path]) => {
    expect(leakIn(PATIENT, view)).toBe(path);
  });

  it.each(Object.values(LEAKS))("finds what it finds in any other place: %s", (view) => {
    expect(leakIn([{ patient: [PATIENT] }], `x ${view} y`)).toMatch(/^\/0\/patient\/0\/\w+$/);
  });

  it.each([
    "",
    "patient record, 11 fields",
    "true, false, null",
    "a smoker",
    "ssn, mrn, code, income and born are in it",
    "1957 or so",
    "123 and 678",
    "48",
    "Anne, Weiss",
    "Kq7",
  ])("accepts a safe view that repeats no value: %j", (view) => {
    expect(leakIn(PATIENT, view)).toBeUndefined();
  });

  it.each([
    ["the constants", { a: "true", b: "FALSE", c: "null", d: "None", e: "undefined" }],
    ["texts under four characters", ["tru", "e, f", "nul"].map((text) => text.slice(0, 3))],
    ["numbers under four digits", [100, -999, 0.5, 0.001, 3.14, 1e21]],
    ["booleans and null", [true, false, null]],
  ])("does not look for %s", (_, data) => {
    expect(
      leakIn(data, "true, false, null, none, undefined, 100, 999, 0.5, 0.001, 3.14, 1e21"),
    ).toBe(undefined);
  });

  it.each([
    [1234.5, ["1,234.500", "1234.50", "1 234,5000", "12345"]],
    [1234, ["1234.00", "1,234.0000"]],
    [1000, ["1,000.00", "1000"]],
    [0.1234, ["0.1234", ".1234", "0.12340", "12.34 %"]],
    [0.00012345, ["1.2345e-4", ".00012345", "12345"]],
    [1.234567e-7, ["0.0000001234567", "1.234567e-7", "1.2345670"]],
    [-1.23456789e-10, ["0.000000000123456789", "12345678"]],
    [2 ** 84, ["19342813113834067000000000"]],
  ])("finds %d in every notation", (number, views) => {
    for (const view of views) expect(leakIn({ number }, `of ${view}, say`), view).toBe("/number");
  });

  it("does not report a number within another number", () => {
    expect(leakIn({ n: 2603 }, "since 2026-03-01")).toBeUndefined();
    expect(leakIn({ n: 202603 }, "since 2026-03-01")).toBe("/n");
    expect(leakIn({ n: "12 people, 34 places and 5678 things" }, "1234567")).toBeUndefined();
  });

  it("checks a payload that is a leaf itself", () => {
    expect(leakIn("a letter to Mr Smith", "to mr smith")).toBe("");
    expect(leakIn(123_456, "123456")).toBe("");
    expect(leakIn(123_456n, "123456")).toBe("");
    expect(leakIn(12n, "12")).toBeUndefined();
    expect(leakIn(new Date("1957-03-14"), "1957-03-14")).toBe("");
    expect(leakIn(new Date(Number.NaN), "Invalid Date")).toBeUndefined();
    expect(leakIn(undefined, "undefined")).toBeUndefined();
  });
});

describe("bytes, to the leak guard,", () => {
  const bytes = new Uint8Array([0xde, 0xad, 0xbe, 0xef, 0x00, 0x81, 0x7f, 0x20, 0x41]);

  it.each([
    ["hexadecimal", Buffer.from(bytes).toString("hex")],
    ["base64", `of ${Buffer.from(bytes).toString("base64")}`],
    ["a part in base64url", Buffer.from(bytes.subarray(1)).toString("base64url")],
  ])("leak in %s", (_, view) => {
    expect(leakIn(bytes, view)).toBe("");
    expect(leakIn({ image: bytes }, view)).toBe("/image");
    expect(leakIn({ image: bytes.buffer }, view)).toBe("/image");
    expect(leakIn({ image: new DataView(bytes.buffer) }, view)).toBe("/image");
  });

  it("leak as the text that they are", () => {
    expect(leakIn(utf8("a letter to Frau Weiß"), "for FRAU Weiß")).toBe("");
    expect(leakIn(utf8("Kq7x"), "kq7x")).toBe("");
  });

  it("leak like text if they are text", () => {
    const letter = utf8("Änne Müller, no. 123-45-6789");
    for (const view of ["to ÄNNE MÜLLER", "Anne Muller", "123456789", "no. 123.45.6789"]) {
      expect(leakIn({ letter }, view), view).toBe("/letter");
    }
    const noText = Buffer.concat([letter, Uint8Array.of(0xff)]);
    expect(leakIn(noText, "Müller, no.")).toBe("");
  });

  it("are found even if their own members hide them", () => {
    const lying = Object.defineProperty(Uint8Array.from(bytes), "byteLength", { value: 0 });
    expect(leakIn(lying, Buffer.from(bytes).toString("hex"))).toBe("");
  });

  it.each([Int8Array, Uint8ClampedArray, Int16Array, Float32Array, BigUint64Array])(
    "leak from the memory of an %o",
    (TypedArray) => {
      const memory = Buffer.alloc(24, "secret canary in here");
      const data = {
        a: new TypedArray(memory.buffer, memory.byteOffset, 24 / TypedArray.BYTES_PER_ELEMENT),
      };
      expect(leakIn(data, "a secret canary")).toBe("/a");
      expect(leakIn(data, memory.toString("hex"))).toBe("/a");
      expect(leakIn(data, memory.toString("base64"))).toBe("/a");
      expect(leakIn(data, "nothing of the kind")).toBeUndefined();
    },
  );

  it("are numbers in arrays of numbers", () => {
    expect(leakIn({ values: new Float64Array([1, 123_456.5]) }, "123456.5")).toBe("/values/1");
    expect(leakIn(new BigInt64Array([123_456n]), "123456")).toBe("/0");
  });
});

describe("the path of a leak", () => {
  it("names members that are identifiers, and places in lists", () => {
    expect(leakIn({ a: [{ b_1: "secret" }] }, "secret")).toBe("/a/0/b_1");
    expect(leakIn(new Map([["a", new Set(["x", "secret"])]]), "secret")).toBe("/a/1");
  });

  it("hides members that may be data", () => {
    expect(leakIn({ "123-45-6789": { city: "Springfield" } }, "Springfield")).toBe("/*/city");
    expect(leakIn(new Map([[{ a: 1 }, "secret"]]), "secret")).toBe("/*");
    expect(leakIn(new Map([[5, "secret"]]), "secret")).toBe("/*");
    expect(leakIn({ a: new Map([[5, ["secret"]]]) }, "secret")).toBe("/a/*/0");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`anna${n}`, "secret"]));
    expect(leakIn(many, "secret")).toBe("/*");
    expect(leakIn(new Map(Object.entries(many)), "secret")).toBe("/*");
  });

  it("hides a name that is itself the leak", () => {
    expect(leakIn({ "123-45-6789": 1 }, "of 123-45-6789")).toBe("/*");
    expect(leakIn(new Map([["123-45-6789", 1]]), "of 123-45-6789")).toBe("/*");
    expect(leakIn(new Map([[{ ssn: "123-45-6789" }, 1]]), "123-45-6789")).toBe("/*/ssn");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`anna_${n}`, 1]));
    expect(leakIn(many, "anna_64 is on the list")).toBe("/*");
    expect(leakIn(new Map(Object.entries(many)), "anna_64 is on the list")).toBe("/*");
  });
});

describe("an allowed pointer", () => {
  const data = { city: "Springfield", people: [{ job: "plumber" }, { job: "baker" }] };

  it("allows the value at its place, and nothing else", () => {
    expect(leakIn(data, "in Springfield", { allow: ["/city"] })).toBeUndefined();
    expect(leakIn(data, "in Springfield", { allow: ["/people"] })).toBe("/city");
    expect(leakIn(data, "a baker in Springfield", { allow: ["/city"] })).toBe("/people/1/job");
    expect(leakIn({ ...data, town: "Springfield" }, "Springfield", { allow: ["/city"] })).toBe(
      "/town",
    );
  });

  it("allows any member in place of a star", () => {
    expect(leakIn(data, "plumber, baker", { allow: ["/people/*/job"] })).toBeUndefined();
    expect(leakIn(data, "plumber, baker", { allow: ["/people/0/job"] })).toBe("/people/1/job");
    expect(leakIn({ "123-45-6789": "Springfield" }, "Springfield", { allow: ["/*"] })).toBe(
      undefined,
    );
  });

  it("allows a value and never a name, although they share a pointer", () => {
    const allow = ["/*", "/*/ssn", "/123-45-6789"];
    const view = "of 123-45-6789";
    expect(leakIn({ "123-45-6789": "123-45-6789" }, view, { allow })).toBe("/*");
    expect(leakIn(new Map([["123-45-6789", 1]]), view, { allow })).toBe("/*");
    expect(leakIn(new Map([[{ ssn: "123-45-6789" }, 1]]), view, { allow })).toBe("/*/ssn");
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`anna_${n}`, "anna_1"]));
    expect(leakIn(many, "anna_1 is on it", { allow })).toBe("/*");
    expect(leakIn([...Object.values(many)], "anna_1 is on it", { allow })).toBeUndefined();
  });

  it("allows the whole payload if it is empty and the payload is a leaf", () => {
    expect(leakIn("a letter", "a letter", { allow: [""] })).toBeUndefined();
  });

  it("is not needed if the guard is off", () => {
    expect(leakIn(data, JSON.stringify(data), "off")).toBeUndefined();
  });
});

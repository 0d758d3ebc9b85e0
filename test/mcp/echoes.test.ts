import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Echoes } from "../../src/mcp/echoes.js";

const REFERENCE = `hdl_${"a".repeat(32)}`;

function echoesOf(value: unknown): Echoes {
  return new Echoes([{ value, reference: REFERENCE }]);
}

const unitEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const inAscii = (json: string) => json.replaceAll(/[^\0-\x7f]|[&<>'+]/g, unitEscape);
const byteEscapes = (text: string) =>
  Buffer.from(text).toString("hex").replaceAll(/../g, "%$&").toUpperCase();

/** The ways in which a tool may say again what it was given. */
const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "as JSON": (text) => JSON.stringify(text),
  "as JSON within JSON": (text) => JSON.stringify(JSON.stringify({ text })),
  "in a URL": (text) => `https://example.org/?q=${encodeURIComponent(text)}`,
  "in a form": (text) => new URLSearchParams({ text }).toString(),
  "as JSON with its slashes escaped": (text) => JSON.stringify(text).replaceAll("/", "\\/"),
  "as JSON with every character escaped": (text) => `"${text.replaceAll(/[\s\S]/g, unitEscape)}"`,
  "as JSON within JSON, both in ASCII": (text) =>
    inAscii(JSON.stringify(inAscii(JSON.stringify(text)))),
  "in a URL with every byte escaped": (text) => `?q=${byteEscapes(text)}`,
  "in a URL in lower case": (text) => byteEscapes(text).toLowerCase(),
  "in base64": (text) => Buffer.from(text).toString("base64"),
  "in base64url": (text) => Buffer.from(text).toString("base64url"),
  "in base64, one byte in": (text) => Buffer.from(`x${text}yz`).toString("base64"),
  "in base64, two bytes in": (text) => Buffer.from(`xy${text}z`).toString("base64"),
};

describe.each(Object.entries(ENCODINGS))("an echo %s", (_, encode) => {
  it.each(["123-45-6789", 'say "hi" \\ there', "Zoë Ångström & 東京", "a/b?c=d+e f"])(
    "becomes the handle: %s",
    (secret) => {
      const text = `before ${encode(secret)} after`;
      const suppressed = echoesOf({ a: ["x", { b: secret }] }).suppressInText(text);
      expect(suppressed).toContain(REFERENCE);
      expect(suppressed).not.toContain(secret);
      expect(suppressed.startsWith("before ")).toBe(true);
      expect(suppressed.endsWith(" after")).toBe(true);
    },
  );
});

describe("echoes", () => {
  it("leave no text of a value that a tool repeats, wherever it does", async () => {
    const leaf = fc.string({ minLength: 6, maxLength: 20, unit: "grapheme" }).filter(isTelling);
    await fc.assert(
      fc.property(
        leaf,
        fc.string({ maxLength: 9 }),
        fc.string({ maxLength: 9 }),
        (secret, a, b) => {
          const echoes = echoesOf({ secret });
          for (const encode of [ENCODINGS["as it is"], ENCODINGS["as JSON"]]) {
            const said = encode?.(secret) ?? "";
            expect(echoes.suppressInText(a + said + b)).not.toContain(secret);
          }
          for (const encode of Object.values(ENCODINGS)) {
            const kept = echoes.suppressInText(` ${encode(secret)} `);
            expect(kept).toContain(REFERENCE);
          }
        },
      ),
    );
  });

  it("are found in members' names, items and numbers, too", () => {
    const echoes = echoesOf({ ssn: "123-45-6789", card: 4_111_111_111 });
    const result = {
      "for 123-45-6789": [{ deep: "123-45-6789" }, 4_111_111_111, 41_111, true, null],
    };
    expect(echoes.suppressIn(result)).toEqual({
      [`for ${REFERENCE}`]: [{ deep: REFERENCE }, REFERENCE, 41_111, true, null],
    });
  });

  it("take the longest of several", () => {
    const echoes = new Echoes([
      { value: "secret", reference: "short" },
      { value: "secret of Ada", reference: "long" },
    ]);
    expect(echoes.suppressInText("a secret of Ada, a secret")).toBe("a long, a short");
  });

  it("name the part that they are", () => {
    const echoes = new Echoes([
      { value: "aspirin 500", reference: `${REFERENCE}#/0` },
      { value: "aspirin 500", reference: `${REFERENCE}#/1` },
    ]);
    expect(echoes.suppressInText("aspirin 500")).toBe(`${REFERENCE}#/0`);
  });

  it("are not looked for in what was put in for others", () => {
    const echoes = new Echoes([
      { value: "abcdef", reference: "ghijkl" },
      { value: "ghijkl", reference: "mnopqr" },
    ]);
    expect(echoes.suppressInText("abcdef ghijkl")).toBe("ghijkl mnopqr");
  });

  it("are taken out whole where escapes are broken off, or are no characters", () => {
    const echoes = echoesOf("secret of Ada");
    for (const around of ["%", "%e2%82", "%ff", "%f0%9f%98", "\\u12", "\\", "\\x", "\ud83d"]) {
      const kept = echoes.suppressInText(`${around}secret%20of%20Ada${around}`);
      expect(kept).toBe(`${around}${REFERENCE}${around}`);
      const other = echoes.suppressInText(`${around} secret of \\u0041da ${around}`);
      expect(other).toBe(`${around} ${REFERENCE} ${around}`);
    }
  });

  it("of texts under six characters are left", () => {
    expect(echoesOf(["12345", 12345, true, null]).suppressInText("12345 true null")).toBe(
      "12345 true null",
    );
  });

  it("leave data as it is when nothing was opened", () => {
    const data = { a: [1] };
    expect(new Echoes([]).suppressIn(data)).toBe(data);
  });

  it("are not watched for where too much was opened", () => {
    const value = Array.from({ length: 60_000 }, (_, index) => `value ${index}`);
    expect(() => echoesOf(value)).toThrow(RangeError);
  });
});

/** Not so uniform that a piece of it can be a piece of what stands beside it. */
function isTelling(text: string): boolean {
  return new Set(text).size >= 4 && text.length >= 6;
}

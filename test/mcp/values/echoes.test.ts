import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Echoes, EchoLimitError } from "../../../src/mcp/values/echoes.js";

const REFERENCE = `hdl_${"a".repeat(32)}`;

function echoesOf(value: unknown): Echoes {
  return new Echoes([{ value, reference: REFERENCE }]);
}

const unitEscape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
const inAscii = (json: string) => json.replaceAll(/[^\0-\x7f]|[&<>'+]/g, unitEscape);
const byteEscapes = (text: string) =>
  Buffer.from(text).toString("hex").replaceAll(/../g, "%$&").toUpperCase();

/** The encodings in which a tool may repeat its input. */
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
  it("are replaced wherever a tool repeats a text of a value", async () => {
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
            expect(echoes.suppressInText(`${a} ${said} ${b}`)).not.toContain(secret);
          }
          for (const encode of Object.values(ENCODINGS)) {
            const kept = echoes.suppressInText(` ${encode(secret)} `);
            expect(kept).toContain(REFERENCE);
          }
        },
      ),
    );
  });

  it("are also found in member names, items and numbers", () => {
    const echoes = echoesOf({ ssn: "123-45-6789", card: 4_111_111_111 });
    const result = {
      "for 123-45-6789": [{ deep: "123-45-6789" }, 4_111_111_111, 41_111, true, null],
    };
    expect(echoes.suppressIn(result)).toEqual({
      [`for ${REFERENCE}`]: [{ deep: REFERENCE }, REFERENCE, 41_111, true, null],
    });
  });

  it("are replaced by the longest of several matches", () => {
    const echoes = new Echoes([
      { value: "secret", reference: "short" },
      { value: "secret of Ada", reference: "long" },
    ]);
    expect(echoes.suppressInText("a secret of Ada, a secret")).toBe("a long, a short");
  });

  it("are replaced by a reference to their part of the payload", () => {
    const echoes = new Echoes([
      { value: "aspirin 500", reference: `${REFERENCE}#/0` },
      { value: "aspirin 500", reference: `${REFERENCE}#/1` },
    ]);
    expect(echoes.suppressInText("aspirin 500")).toBe(`${REFERENCE}#/0`);
  });

  it("are not searched for in inserted references", () => {
    const echoes = new Echoes([
      { value: "abcdef", reference: "ghijkl" },
      { value: "ghijkl", reference: "mnopqr" },
    ]);
    expect(echoes.suppressInText("abcdef ghijkl")).toBe("ghijkl mnopqr");
  });

  it("are replaced whole where escapes are truncated or invalid", () => {
    const echoes = echoesOf("secret of Ada");
    for (const around of ["%", "%e2%82", "%ff", "%f0%9f%98", "\\u12", "\\", "\\x", "\ud83d"]) {
      const kept = echoes.suppressInText(`${around}secret%20of%20Ada${around}`);
      expect(kept).toBe(`${around}${REFERENCE}${around}`);
      const other = echoes.suppressInText(`${around} secret of \\u0041da ${around}`);
      expect(other).toBe(`${around} ${REFERENCE} ${around}`);
    }
  });

  it("of texts under six characters are kept", () => {
    expect(echoesOf(["12345", 12345, true, null]).suppressInText("12345 true null")).toBe(
      "12345 true null",
    );
  });

  it("leave data unchanged when nothing was opened", () => {
    const data = { a: [1] };
    expect(new Echoes([]).suppressIn(data)).toBe(data);
  });

  it("are refused where more was opened or returned than can be searched", () => {
    const value = Array.from({ length: 60_000 }, (_, index) => `${index * 7919} of many values`);
    expect(() => echoesOf(value)).toThrow(EchoLimitError);
    const echoes = echoesOf("a short value");
    const large = "x".repeat(2 ** 21);
    expect(echoes.suppressInText(large)).toBe(large);
    expect(echoes.suppressIn([large])).toEqual([large]);
    expect(() => echoes.suppressIn([large])).toThrow(EchoLimitError);
  });

  it("need bounded work where many words have the same ending", () => {
    const echoes = echoesOf(Array.from({ length: 1000 }, (_, length) => "a".repeat(6 + length)));
    expect(() => echoes.suppressInText("a".repeat(1_000_000))).toThrow(EchoLimitError);
  });

  it("keep two names distinct that would become equal", () => {
    const echoes = echoesOf("+49 151 1234567");
    const named = { "+49 151 1234567": 1, "%2B49%20151%201234567": 2, [`${REFERENCE} (2)`]: 3 };
    expect(echoes.suppressIn(named)).toEqual({
      [REFERENCE]: 1,
      [`${REFERENCE} (3)`]: 2,
      [`${REFERENCE} (2)`]: 3,
    });
  });

  it("include member names that are data and that no safe view shows", () => {
    const echoes = echoesOf({ "078-05-1120": { lastName: "x" }, lastNameOfAll: 1 });
    expect(echoes.suppressInText("lastNameOfAll of 078-05-1120")).toBe(
      `lastNameOfAll of ${REFERENCE}`,
    );
  });
});

/** Forms in which honest tools repeat a value, and the text that must remain. */
const CARD_NOTE =
  "Ada O'Neil, born 1815-12-10, says \"hi\" & <b>waves</b>\nand lives in Zoë's street 5";
const [, SECOND_LINE = ""] = CARD_NOTE.split("\n");
const withEntities = (text: string) =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
const MANNERS: Readonly<Record<string, string>> = {
  "trimmed of a newline": CARD_NOTE,
  "with CRLF": `${CARD_NOTE}\n`.replaceAll("\n", "\r\n"),
  indented: CARD_NOTE.replaceAll(/^/gm, "    "),
  "quoted in Markdown": CARD_NOTE.replaceAll(/^/gm, "> "),
  "in a diff": CARD_NOTE.replaceAll(/^/gm, "+"),
  "one line of many": SECOND_LINE,
  "cut short, with an ellipsis": `${CARD_NOTE.slice(0, 30)}…`,
  "cut short, with dots": `${CARD_NOTE.slice(0, 30)}... (9 more)`,
  "cut off at the end": CARD_NOTE.slice(0, 40),
  "quoted for CSV": `1,"${CARD_NOTE.replaceAll('"', '""')}",2`,
  "quoted for SQL": `VALUES ('${CARD_NOTE.replaceAll("'", "''")}')`,
  "quoted for a shell": `echo '${CARD_NOTE.replaceAll("'", "'\\''")}'`,
  "escaped for HTML": withEntities(CARD_NOTE),
  "escaped for Markdown": CARD_NOTE.replaceAll(/[-<>'"&,]/g, "\\$&"),
  "as JSON": JSON.stringify({ note: CARD_NOTE }),
  "in JavaScript": `'${CARD_NOTE.replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`,
  "in NFD": CARD_NOTE.normalize("NFD"),
  "wrapped in base64 lines": Buffer.from(CARD_NOTE)
    .toString("base64")
    .replaceAll(/.{40}/g, "$&\r\n"),
  "in base64 of a record": Buffer.from(`id=1;note=${CARD_NOTE};`).toString("base64"),
  "with invisible characters": CARD_NOTE.replaceAll(" ", "\u200b \u00ad"),
};

describe.each(Object.entries(MANNERS))("a value that is shown %s", (_, shown) => {
  it("is replaced completely", () => {
    const left = echoesOf({ note: `${CARD_NOTE}\n` }).suppressInText(`before: ${shown}`);
    expect(left).toContain(REFERENCE);
    for (const said of [left, Buffer.from(left, "base64").toString()]) {
      expect(said).not.toMatch(/Ada|1815|waves|street/);
    }
    expect(left.startsWith("before: ")).toBe(true);
  });
});

describe("a text that only resembles a value", () => {
  it.each([
    ["active", "reactive, an interactive, hyperactive_mode"],
    ["150000", "1500000, 2150000, 150000.5, 1,150000"],
    ["1500.5", "11500.5"],
    ["Lovelace", "Lovelaces, unLovelace"],
    ["https://example.org/a/b/c", "https://example.net/..."],
  ])("stays as it is: %s", (value, text) => {
    const numbers = ["150000"].includes(value) ? [value, Number(value)] : [value];
    expect(echoesOf(numbers).suppressInText(text)).toBe(
      text === "11500.5" ? `1${REFERENCE}` : text,
    );
  });

  it.each([
    ["active", "is active.", `is ${REFERENCE}.`],
    ["active", Buffer.from("is reactive").toString("base64"), ""],
    ["150000", "USD 150000.", `USD ${REFERENCE}.`],
    ["東京都千代田区", "在東京都千代田区内", `在${REFERENCE}内`],
  ])("is told from the value itself: %s", (value, text, expected) => {
    const left = echoesOf(value).suppressInText(text);
    if (expected === "") expect(left).toContain(REFERENCE);
    else expect(left).toBe(expected);
  });
});

describe("in texts that are unrelated to the opened values", () => {
  const { patients } = JSON.parse(readFileSync("examples/data/patients.json", "utf8"));
  const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const packages = Object.keys(devDependencies).map((name) => `node_modules/${name}`);
  const watching = () => new Echoes([{ value: patients, reference: REFERENCE }]);

  /**
   * Texts of other authors that are available here: the manuals and descriptions of the tools in
   * use.
   */
  function textsOf(file: string): string[] {
    const paths = packages.map((folder) => `${folder}/${file}`).filter(existsSync);
    return paths.map((path) => readFileSync(path, "utf8"));
  }

  function replacementsIn(texts: readonly unknown[]): number {
    const left = texts.map((text) => JSON.stringify(watching().suppressIn(text)));
    return left.join("").split(REFERENCE).length - 1;
  }

  it("at most one in 10,000 words of prose is mistaken for a value", () => {
    const manuals = textsOf("README.md");
    const words = manuals.join(" ").split(/\s+/).length;
    expect(words).toBeGreaterThan(30_000);
    expect(replacementsIn(manuals) / words).toBeLessThanOrEqual(1 / 10_000);
  });

  it("at most one in 10,000 words of JSON data is mistaken for a value", () => {
    const data = textsOf("package.json");
    const words = data.join(" ").split(/[^\p{L}\p{N}]+/u).length;
    expect(words).toBeGreaterThan(10_000);
    const parsed = data.map((text): unknown => JSON.parse(text));
    expect(replacementsIn(parsed) / words).toBeLessThanOrEqual(1 / 10_000);
  });
});

/**
 * Returns whether a text is so varied that a part of it is unlikely to occur in the text around it.
 */
function isTelling(text: string): boolean {
  const shown = text.trim().replaceAll(/\s+/g, " ");
  return new Set(shown).size >= 4 && shown.length >= 6;
}

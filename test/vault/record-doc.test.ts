import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Reading, Refusal, read, Spent } from "../support/independent-reader.js";
import {
  MUST_FAIL,
  type StoredVector,
  untagged,
  VALID,
  vectorNamed,
} from "../support/record-vectors.js";

const DOCUMENT = readFileSync(new URL("../../docs/record-format.md", import.meta.url), "utf8");
const EXAMPLE = vectorNamed("inline-json");

function readIndependently(vector: StoredVector): Reading {
  const { lookupId, head, body } = vector;
  const fetch = (id: string) => (id === lookupId ? { head, body } : undefined);
  return read({ ...vector, fetch });
}

function refusalOf(vector: StoredVector): Refusal | undefined {
  try {
    readIndependently(vector);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Returns the bytes of the annotated block with this title, which are left of the bars. */
function blockOf(title: string): string {
  const [, block] = new RegExp(`\`\`\`text ${title}\n([^\`]*)\`\`\``).exec(DOCUMENT) ?? [];
  if (block === undefined) throw new Error(`the document has no block ${title}`);
  const lines = block.trimEnd().split("\n");
  return lines.map((line) => line.split("|", 1).join("").replaceAll(" ", "")).join("");
}

describe("a reader written from docs/record-format.md alone", () => {
  const spent = VALID.filter(({ expected }) => expected.payload === null);

  it("opens every golden record as the library does", () => {
    for (const vector of VALID.filter((candidate) => !spent.includes(candidate))) {
      const { payload, ...fields } = vector.expected;
      if (payload === null) throw new Error("it is spent");
      const reading = readIndependently(vector);
      expect(reading.fields, vector.name).toEqual(fields);
      expect(reading.payload, vector.name).toStrictEqual(untagged(payload));
    }
  });

  it("finds the fields of spent records, and no payload", () => {
    expect(spent.length).toBeGreaterThan(0);
    for (const vector of spent) {
      const { payload: _, ...fields } = vector.expected;
      const refusal = refusalOf(vector);
      expect(refusal, vector.name).toBeInstanceOf(Spent);
      expect(refusal instanceof Spent && refusal.fields, vector.name).toEqual(fields);
    }
  });

  it("refuses every record that must fail, with the same error as the library", () => {
    for (const vector of MUST_FAIL) {
      expect(refusalOf(vector)?.message ?? "opened", vector.name).toBe(vector.error);
    }
  });

  it("refuses every flipped bit of the key id's length, because no such key is known", () => {
    for (let bit = 0; bit < 8; bit++) {
      const head = Buffer.from(EXAMPLE.head, "hex");
      head.writeUInt8(head.readUInt8(4) ^ (1 << bit), 4);
      const refusal = refusalOf({ ...EXAMPLE, head: head.toString("hex") });
      expect(refusal?.message, `bit ${bit}`).toBe("ERR_VAULT_KEY_NOT_FOUND");
    }
  });
});

describe("the worked example of docs/record-format.md", () => {
  it("equals the golden record that it names", () => {
    expect(DOCUMENT).toContain("The vector `inline-json`");
    expect(DOCUMENT).toContain(`\`${EXAMPLE.handleId}\``);
    expect(EXAMPLE.keys).toEqual({
      k1: Buffer.from(Array.from({ length: 32 }, (_, value) => value)).toString("base64url"),
    });
  });

  it("has the head of the vector, byte for byte", () => {
    expect(blockOf("head")).toBe(EXAMPLE.head);
  });

  for (const step of ["wrapping", "data-key", "derived", "aad", "plaintext"] as const) {
    it(`shows the actual values of a reader: ${step}`, () => {
      expect(blockOf(step)).toBe(readIndependently(EXAMPLE).trace[step].toString("hex"));
    });
  }
});

describe("docs/record-format.md", () => {
  it("names every error that a golden record must fail with", () => {
    for (const code of new Set(MUST_FAIL.map(({ error }) => error))) {
      expect(DOCUMENT).toContain(`\`${code}\``);
    }
  });

  it("names every form with the flags that the vectors have", () => {
    for (const { head, expected } of VALID) {
      const row = new RegExp(`^\\| \`${head.slice(6, 8)}\` +\\| ${expected.form} +\\|`, "m");
      expect(DOCUMENT).toMatch(row);
    }
  });
});

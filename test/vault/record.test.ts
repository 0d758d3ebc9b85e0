import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RecordIntegrityError, RecordUnsupportedError } from "../../src/errors.js";
import {
  headContext,
  joinHead,
  maxFieldsBytes,
  nextRevision,
  PREFIX_BYTES,
  RECORD_VERSION,
  type RecordFields,
  type RecordForm,
  readForm,
  readHead,
  writeFields,
} from "../../src/vault/record.js";

const FORMS: readonly RecordForm[] = ["inline", "detached", "spent"];
const FLAGS = new Map<number, RecordForm>([
  [0x00, "inline"],
  [0x81, "detached"],
  [0x82, "spent"],
]);

const FIELDS: RecordFields = {
  revision: 7,
  ownerPrincipal: "größe",
  grantedPrincipals: ["水", "gateway"],
  createdAtMs: 1_767_225_600_000,
  expiresAtMs: 1_767_225_900_000,
  usesLeft: 3,
  safeView: "a record",
};

/** Well-formed text of up to four bytes a character. */
const text = (maxLength: number) => fc.string({ unit: "grapheme", maxLength });
const anyFields: fc.Arbitrary<RecordFields> = fc.record(
  {
    revision: fc.integer({ min: 0, max: 0xffff_ffff }),
    ownerPrincipal: text(1024),
    grantedPrincipals: fc.array(text(40), { maxLength: 256 }),
    createdAtMs: fc.maxSafeNat(),
    expiresAtMs: fc.maxSafeNat(),
    usesLeft: fc.option(fc.integer({ min: 0, max: 0xffff_fffe }), { nil: undefined }),
    safeView: text(1365),
  },
  { noNullPrototype: true },
);

function written(fields: RecordFields, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const target = Buffer.alloc(maxFieldsBytes(fields) + payload.length, 0xee);
  const end = writeFields(target, fields);
  target.set(payload, end);
  return target.subarray(0, end + payload.length);
}

describe("the fields of a record", () => {
  it("are read as they were written, and so are the bytes after them", () => {
    fc.assert(
      fc.property(anyFields, fc.uint8Array({ maxLength: 64 }), (fields, payload) => {
        const plaintext = written(fields, payload);
        const open = readHead(plaintext);
        expect(open.fields).toStrictEqual(fields);
        expect(new Uint8Array(plaintext.subarray(open.tailAt))).toEqual(payload);
      }),
    );
  });

  it("never take more bytes than the upper bound", () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const roomy = Buffer.alloc(2 * maxFieldsBytes(fields) + 1024);
        expect(writeFields(roomy, fields)).toBeLessThanOrEqual(maxFieldsBytes(fields));
      }),
    );
  });

  it("are refused if the plaintext ends within them", () => {
    const plaintext = written(FIELDS);
    for (let length = 0; length < plaintext.length; length++) {
      expect(() => readHead(plaintext.subarray(0, length)), `${length}`).toThrow(
        RecordIntegrityError,
      );
    }
    expect(readHead(plaintext).tailAt).toBe(plaintext.length);
  });

  it("are refused if there are fewer grants than declared", () => {
    const plaintext = written({ ...FIELDS, grantedPrincipals: [] });
    const grantCountAt = 4 + 2 + Buffer.byteLength(FIELDS.ownerPrincipal);
    plaintext.writeUInt16BE(0xffff, grantCountAt);
    expect(() => readHead(plaintext)).toThrow(RecordIntegrityError);
  });

  it("distinguish no uses left from no limit", () => {
    expect(readHead(written({ ...FIELDS, usesLeft: 0 })).fields.usesLeft).toBe(0);
    expect(readHead(written({ ...FIELDS, usesLeft: undefined })).fields.usesLeft).toBeUndefined();
  });

  it("hold a revision that stays at its greatest value instead of starting over", () => {
    const last = { ...FIELDS, revision: 0xffff_ffff };
    expect(nextRevision(last)).toBe(0xffff_ffff);
    expect(readHead(written(last)).fields.revision).toBe(0xffff_ffff);
    expect(nextRevision(FIELDS)).toBe(FIELDS.revision + 1);
  });

  it("hold times beyond 32 bits exactly", () => {
    const { fields } = readHead(written({ ...FIELDS, expiresAtMs: Number.MAX_SAFE_INTEGER }));
    expect(fields.expiresAtMs).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("have the layout of docs/record-format.md", () => {
    const fields = { ...FIELDS, ownerPrincipal: "hr", grantedPrincipals: ["it"], safeView: "s" };
    expect(written(fields, Buffer.of(0xff)).toString("hex")).toBe(
      [
        "00000007",
        "00026872",
        "0001",
        "00026974",
        "0000019b76daa800",
        "0000019b76df3be0",
        "00000003",
        "000173",
        "ff",
      ].join(""),
    );
  });
});

describe("the clear bytes of a head", () => {
  it("are HV, the version and the flags of the form, before the ciphertext", () => {
    const ciphertext = Buffer.from("ciphertext");
    for (const [flags, form] of FLAGS) {
      const prefix = Buffer.of(0x48, 0x56, 0x01, flags);
      expect(joinHead(form, ciphertext).equals(Buffer.concat([prefix, ciphertext]))).toBe(true);
    }
  });

  it("declare the form that the head was joined with", () => {
    for (const form of FORMS) expect(readForm(joinHead(form, Buffer.alloc(0)))).toBe(form);
  });

  it("are those of format 1 for three of the 256 flags, and unsupported for all others", () => {
    for (let flags = 0; flags < 256; flags++) {
      const attempt = () => readForm(Buffer.of(0x48, 0x56, 1, flags));
      const form = FLAGS.get(flags);
      if (form === undefined) expect(attempt, `${flags}`).toThrow(RecordUnsupportedError);
      else expect(attempt()).toBe(form);
    }
  });

  it("differ in two bits between any two forms, so that one flipped bit never makes another", () => {
    for (const one of FLAGS.keys()) {
      for (const other of FLAGS.keys()) {
        if (one !== other) expect(onesIn(one ^ other)).toBe(2);
      }
      expect(onesIn(one) % 2).toBe(0);
    }
  });

  it("are unsupported under every other version", () => {
    for (let version = 0; version < 256; version++) {
      if (version === RECORD_VERSION) continue;
      const head = Buffer.of(0x48, 0x56, version, 0);
      expect(() => readForm(head), `${version}`).toThrow(RecordUnsupportedError);
    }
  });

  it("are unsupported with another magic", () => {
    for (const magic of ["hV", "Hv", "VH", "\0\0"]) {
      const head = Buffer.from(`${magic}\x01\0`, "latin1");
      expect(() => readForm(head), magic).toThrow(RecordUnsupportedError);
    }
  });

  it("are unsupported when there are fewer than four", () => {
    const head = joinHead("inline", Buffer.alloc(0));
    for (let length = 0; length < PREFIX_BYTES; length++) {
      expect(() => readForm(head.subarray(0, length))).toThrow(RecordUnsupportedError);
    }
  });
});

describe("the context of a head", () => {
  it("names the block, the version, the flags, the lookup id and the tenant", () => {
    for (const [flags, form] of FLAGS) {
      expect(headContext(form, "lookup", "acme")).toEqual({
        block: "head",
        version: 1,
        flags,
        lookupId: "lookup",
        tenant: "acme",
      });
    }
    expect(headContext("inline", "lookup", undefined).tenant).toBeUndefined();
  });
});

it("the constants of format 1 are unchanged since it was published", () => {
  expect({ RECORD_VERSION, PREFIX_BYTES }).toEqual({
    RECORD_VERSION: 1,
    PREFIX_BYTES: 4,
  });
});

function onesIn(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

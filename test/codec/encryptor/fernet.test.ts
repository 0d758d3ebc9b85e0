import { describe, expect, it } from "vitest";
import {
  type FernetOptions,
  fernetEncryptor,
  generateFernetKey,
} from "../../../src/codec/encryptor/fernet.js";
import { pseudoRandomBytes, withFlippedBit } from "../../support/bytes.js";
import { CONTEXT, OTHER_CONTEXTS } from "../../support/contexts.js";
import { codeThrownBy, INTEGRITY, thrownBy } from "../../support/refusals.js";

const [KEY_A, KEY_B, KEY_C] = [generateFernetKey(), generateFernetKey(), generateFernetKey()];
const NOW_MS = 1_700_000_000_000;
const at = (ms: number) => ({ now: () => ms });
const plaintext = Buffer.from("4111 1111 1111 1111");
const encryptor = fernetEncryptor({ keys: [KEY_A], clock: at(NOW_MS) });
const token = Buffer.from(await encryptor.encrypt(plaintext));
const opens = (bytes: Uint8Array, options: Partial<FernetOptions> = {}) =>
  codeThrownBy(() => fernetEncryptor({ keys: [KEY_A], ...options }).decrypt(bytes));

describe("Fernet tokens", () => {
  it.each([0, 1, 15, 16, 17, 1000, 1_048_576])("carry %i bytes", async (length) => {
    const bytes = pseudoRandomBytes(length);
    for (const context of [undefined, CONTEXT]) {
      const sealed = await encryptor.encrypt(bytes, context);
      expect(bytes.equals(await encryptor.decrypt(sealed, context))).toBe(true);
    }
  });

  it("are padded base64url, and different for equal plaintexts", async () => {
    const tokens = new Set<string>();
    for (let round = 0; round < 100; round++) {
      tokens.add(Buffer.from(await encryptor.encrypt(plaintext)).toString("latin1"));
    }
    expect(tokens.size).toBe(100);
    for (const text of tokens) expect(text).toMatch(/^gAAAAA[A-Za-z0-9_-]+={0,2}$/);
  });

  it("are refused with any byte changed to any near or far one", async () => {
    const outcomes = new Set<string>();
    for (let bit = 0; bit < token.length * 8; bit++) {
      outcomes.add(await opens(withFlippedBit(token, bit)));
    }
    expect([...outcomes]).toEqual([INTEGRITY]);
  });

  it("are refused if any encoded bit is flipped", async () => {
    const raw = Buffer.from(token.toString("latin1"), "base64url");
    const outcomes = new Set<string>();
    for (let bit = 0; bit < raw.length * 8; bit++) {
      const text = withFlippedBit(raw, bit).toString("base64url");
      outcomes.add(await opens(Buffer.from(text.padEnd(token.length, "="))));
    }
    expect([...outcomes]).toEqual([INTEGRITY]);
  });

  it("are refused if they are truncated at any length", async () => {
    for (let length = 0; length < token.length; length++) {
      expect(await opens(token.subarray(0, length))).toBe(INTEGRITY);
    }
    expect(await opens(token)).toBe("no error");
  });

  it("name no key and cannot be rewrapped", () => {
    expect(encryptor.keyIdOf).toBeUndefined();
    expect(encryptor.rewrap).toBeUndefined();
    expect(encryptor.durable).toBe(true);
  });

  it("open into separate memory", async () => {
    (await encryptor.decrypt(token)).fill(0);
    expect(plaintext.equals(await encryptor.decrypt(token))).toBe(true);
  });
});

describe("Fernet's base64", () => {
  // 73, 89 and 105 bytes: text that ends in "==", in "=" and in neither.
  const texts = Promise.all(
    [0, 16, 32].map(async (length) =>
      Buffer.from(await encryptor.encrypt(Buffer.alloc(length))).toString("latin1"),
    ),
  );

  it("is refused without its padding and with more of it", async () => {
    const padded = (await texts).filter((text) => text.endsWith("="));
    expect(padded.length).toBeGreaterThan(0);
    for (const text of padded) {
      for (const other of [text.replace(/=+$/, ""), text.slice(0, -1), `${text}=`, `${text}====`]) {
        expect(await opens(Buffer.from(other))).toBe(INTEGRITY);
      }
      expect(await opens(Buffer.from(text))).toBe("no error");
    }
  });

  it("is refused where bits that encode nothing are set", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const text of (await texts).filter((one) => one.endsWith("="))) {
      const at = text.indexOf("=") - 1;
      const others = [...alphabet].filter((character) => character !== text[at]);
      const outcomes = await Promise.all(
        others.map((character) =>
          opens(Buffer.from(text.slice(0, at) + character + text.slice(at + 1))),
        ),
      );
      expect(new Set(outcomes)).toEqual(new Set([INTEGRITY]));
    }
  });

  it("is refused with white space anywhere", async () => {
    const text = token.toString("latin1");
    for (const space of [" ", "\n", "\r\n", "\t", "\0", "    "]) {
      for (const other of [text + space, space + text, text.slice(0, 8) + space + text.slice(8)]) {
        expect(await opens(Buffer.from(other))).toBe(INTEGRITY);
      }
    }
  });

  it("is refused in the standard alphabet", async () => {
    let tried = 0;
    for (let round = 0; round < 50 && tried < 5; round++) {
      const text = Buffer.from(await encryptor.encrypt(plaintext)).toString("latin1");
      const standard = text.replaceAll("-", "+").replaceAll("_", "/");
      if (standard === text) continue;
      tried += 1;
      expect(await opens(Buffer.from(standard))).toBe(INTEGRITY);
      expect(await opens(Buffer.from(text))).toBe("no error");
    }
    expect(tried).toBe(5);
  });
});

describe("Fernet keys", () => {
  it("are 32 random bytes of padded base64url", () => {
    const keys = new Set(Array.from({ length: 100 }, generateFernetKey));
    expect(keys.size).toBe(100);
    for (const key of keys) {
      expect(key).toMatch(/^[A-Za-z0-9_-]{43}=$/);
      expect(Buffer.from(key, "base64url")).toHaveLength(32);
    }
  });

  it("encrypt with the first one and decrypt with all of them", async () => {
    const rotated = fernetEncryptor({ keys: [KEY_B, KEY_C, KEY_A], clock: at(NOW_MS) });
    expect(plaintext.equals(await rotated.decrypt(token))).toBe(true);
    const fresh = await rotated.encrypt(plaintext);
    expect(await opens(fresh)).toBe(INTEGRITY);
    expect(await opens(fresh, { keys: [KEY_B] })).toBe("no error");
    expect(await opens(fresh, { keys: [KEY_C] })).toBe(INTEGRITY);
  });

  const badKeys: readonly unknown[] = [
    "",
    KEY_A.slice(0, -1),
    `${KEY_A}=`,
    `${"A".repeat(42)}+=`,
    `${"A".repeat(42)}B=`,
    "A".repeat(44),
    ` ${KEY_A.slice(1)}`,
    Buffer.alloc(32),
    null,
    32,
  ];
  it.each(badKeys)("of another form are refused without being quoted: %j", async (key) => {
    const error = await thrownBy(() => fernetEncryptor({ keys: [KEY_A, key as string] }));
    expect(error).toEqual(
      new TypeError("a Fernet key must be 32 bytes of padded base64url, from generateFernetKey()"),
    );
  });

  it("are refused if there is none", () => {
    expect(() => fernetEncryptor({ keys: [] })).toThrow(
      new RangeError("keys must hold at least one key"),
    );
  });
});

describe("Fernet's binding to a context", () => {
  it("refuses another context, and a missing one", async () => {
    const bound = await encryptor.encrypt(plaintext, CONTEXT);
    for (const other of OTHER_CONTEXTS) {
      expect(await codeThrownBy(() => encryptor.decrypt(bound, other))).toBe(INTEGRITY);
    }
    expect(plaintext.equals(await encryptor.decrypt(bound, { ...CONTEXT }))).toBe(true);
  });

  it("a token made without a context is refused with one, however long its plaintext", async () => {
    for (const length of [0, 19, 31, 32, 33, 100]) {
      const unbound = await encryptor.encrypt(pseudoRandomBytes(length));
      expect(await codeThrownBy(() => encryptor.decrypt(unbound, CONTEXT))).toBe(INTEGRITY);
    }
  });

  it("is a digest of 32 bytes before the plaintext, which plain Fernet readers see", async () => {
    const bound = await encryptor.encrypt(plaintext, CONTEXT);
    const opened = Buffer.from(await encryptor.decrypt(bound));
    expect(opened).toHaveLength(32 + plaintext.length);
    expect(opened.subarray(32)).toEqual(plaintext);
  });
});

describe("Fernet's time", () => {
  it("tokens carry the clock's whole seconds", async () => {
    const late = fernetEncryptor({ keys: [KEY_A], clock: at(NOW_MS + 999) });
    const raw = Buffer.from(Buffer.from(await late.encrypt(plaintext)).toString(), "base64url");
    expect(raw.readBigUInt64BE(1)).toBe(1_700_000_000n);
  });

  it("tokens carry the system's time when no clock is given", async () => {
    const before = BigInt(Math.floor(Date.now() / 1000));
    const made = await fernetEncryptor({ keys: [KEY_A] }).encrypt(plaintext);
    const seconds = Buffer.from(Buffer.from(made).toString(), "base64url").readBigUInt64BE(1);
    expect(seconds).toBeGreaterThanOrEqual(before);
    expect(seconds).toBeLessThanOrEqual(BigInt(Math.floor(Date.now() / 1000)));
  });

  it.each([
    [-61_000, INTEGRITY],
    [-60_000, "no error"],
    [0, "no error"],
    [30_999, "no error"],
    [31_000, INTEGRITY],
  ])("with a greatest age of 30 s, a token seen %i ms after it was made: %s", async (ms, code) => {
    expect(await opens(token, { clock: at(NOW_MS + ms), maxAgeSeconds: 30 })).toBe(code);
  });

  it("without a greatest age, tokens of any time open", async () => {
    for (const ms of [0, 4e12]) expect(await opens(token, { clock: at(ms) })).toBe("no error");
  });

  it("a greatest age of 0 accepts only this second's tokens", async () => {
    expect(await opens(token, { clock: at(NOW_MS + 999), maxAgeSeconds: 0 })).toBe("no error");
    expect(await opens(token, { clock: at(NOW_MS + 1000), maxAgeSeconds: 0 })).toBe(INTEGRITY);
  });

  it("a greatest age that is not a number of seconds is refused, not ignored", () => {
    const make = (maxAgeSeconds: unknown) => () =>
      fernetEncryptor({ keys: [KEY_A], maxAgeSeconds: maxAgeSeconds as number });
    for (const bad of [Number.NaN, -1, "60", Number.POSITIVE_INFINITY]) {
      expect(make(bad)).toThrow(/maxAgeSeconds/);
    }
  });

  it("an option that does not exist is refused", () => {
    const options = { keys: [KEY_A], maxAgeSecond: 60 };
    expect(() => fernetEncryptor(options)).toThrow(TypeError);
  });

  it("keys that are no list are refused", () => {
    expect(() => fernetEncryptor({ keys: "key" as never })).toThrow(TypeError);
    expect(() => fernetEncryptor({} as never)).toThrow(TypeError);
  });
});

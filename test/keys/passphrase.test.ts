import { scryptSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { NewPassphrase } from "../../src/keys/passphrase.js";
import { KeyNotFoundError } from "../../src/vault/errors.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { codeThrownBy, INTEGRITY, messageThrownBy, thrownBy } from "../support/refusals.js";

const DATA_KEY = pseudoRandomBytes(32, 13);
const passphrase = "correct horse battery staple";
const params = `$scrypt$ln=15,r=8,p=1$${Buffer.alloc(16, 7).toString("base64url")}`;
const OTHER_PARAMS = `$scrypt$ln=15,r=8,p=1$${Buffer.alloc(16, 8).toString("base64url")}`;
const ringOf = (given: string, withParams = params) =>
  KeyRing.fromPassphrase({ passphrase: given, params: withParams });

describe("a key ring from a passphrase", () => {
  it("the same passphrase and parameters give the same key in every ring", async () => {
    const [first, second] = [await ringOf(passphrase), await ringOf(passphrase)];
    expect(first.durable).toBe(true);
    expect(first.currentKeyId()).toBe(second.currentKeyId());
    expect(second.unwrap(first.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("the key is scrypt's, as RFC 7914 has it", async () => {
    const ring = await ringOf(passphrase);
    const key = scryptSync(passphrase, Buffer.alloc(16, 7), 32, {
      N: 2 ** 15,
      r: 8,
      maxmem: 2 ** 26,
    });
    const reference = KeyRing.from({
      current: ring.currentKeyId(),
      keys: { [ring.currentKeyId()]: key },
    });
    expect(reference.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("another passphrase gives another key under the same id", async () => {
    const [ring, other] = [await ringOf(passphrase), await ringOf(`${passphrase}!`)];
    expect(other.currentKeyId()).toBe(ring.currentKeyId());
    expect(await codeThrownBy(() => other.unwrap(ring.wrap(DATA_KEY)))).toBe(INTEGRITY);
  });

  it("other parameters give another key under another id", async () => {
    const ring = await ringOf(passphrase);
    const fresh = await KeyRing.newPassphraseParams({ passphrase, logCost: 15 });
    const other = await ringOf(passphrase, fresh);
    expect(other.currentKeyId()).not.toBe(ring.currentKeyId());
    expect(() => other.unwrap(ring.wrap(DATA_KEY))).toThrow(KeyNotFoundError);
  });

  it.each([
    ["the current one", [{ passphrase: `${passphrase}!`, params }]],
    [
      "the current one, also with its check",
      [{ passphrase, params: `${params}$${"A".repeat(22)}` }],
    ],
    ["each other", [1, 2].map((n) => ({ passphrase: `${passphrase}${n}`, params: OTHER_PARAMS }))],
  ])("older passphrases do not share the parameters of %s", async (_, older) => {
    const made = KeyRing.fromPassphrase({ passphrase, params, older });
    await expect(made).rejects.toThrow(RangeError);
    await expect(made).rejects.toThrow(/two passphrases have the same params: make new ones/);
  });

  it("an older passphrase opens what it sealed, and the current one seals", async () => {
    const old = await ringOf(passphrase);
    const older = [{ passphrase, params }];
    const current = { passphrase: `${passphrase}!`, params: OTHER_PARAMS };
    const ring = await KeyRing.fromPassphrase({ ...current, older });
    expect(ring.unwrap(old.wrap(DATA_KEY))).toEqual(DATA_KEY);
    expect(ring.currentKeyId()).toBe((await KeyRing.fromPassphrase(current)).currentKeyId());
  });

  it("different Unicode forms of a text are the same passphrase", async () => {
    const composed = await ringOf("pässwörter");
    const decomposed = await ringOf("pa\u0308sswo\u0308rter");
    expect(decomposed.unwrap(composed.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("the event loop keeps turning while the key is derived", async () => {
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 1);
    await ringOf(passphrase);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(3);
  });
});

describe("passphrase parameters", () => {
  it("are a PHC string with a salt and a check of their own, and a cost of 2^17 unless asked otherwise", async () => {
    const made = [
      await KeyRing.newPassphraseParams({ passphrase }),
      await KeyRing.newPassphraseParams({ passphrase }),
    ];
    expect(new Set(made.flatMap((text) => text.split("$").slice(3))).size).toBe(4);
    for (const text of made) {
      expect(text).toMatch(/^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{22}$/);
    }
    const cheap = await KeyRing.newPassphraseParams({ passphrase, logCost: 15 });
    expect(cheap).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$/);
  });

  it("detect another passphrase before it seals anything", async () => {
    const checked = await KeyRing.newPassphraseParams({ passphrase, logCost: 15 });
    const refused = new TypeError("the passphrase is not the one that params were made for");
    expect(await thrownBy(() => ringOf(`${passphrase}!`, checked))).toEqual(refused);
    const [ring, again] = [await ringOf(passphrase, checked), await ringOf(passphrase, checked)];
    expect(again.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
    const damaged = checked.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    expect(await thrownBy(() => ringOf(passphrase, damaged))).toEqual(refused);
  });

  it("without a check, as they were made before, give the same key under the same id", async () => {
    const checked = await KeyRing.newPassphraseParams({ passphrase, logCost: 15 });
    const unchecked = checked.split("$").slice(0, 4).join("$");
    const [ring, old] = [await ringOf(passphrase, checked), await ringOf(passphrase, unchecked)];
    expect(old.currentKeyId()).toBe(ring.currentKeyId());
    expect(old.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("of an older passphrase give a key that only decrypts, and none is promoted", async () => {
    const old = await ringOf(passphrase);
    const fresh = await KeyRing.newPassphraseParams({
      passphrase: "a newer passphrase",
      logCost: 15,
    });
    const ring = await KeyRing.fromPassphrase({
      passphrase: "a newer passphrase",
      params: fresh,
      older: [{ passphrase, params }],
    });
    expect(ring.currentKeyId()).not.toBe(old.currentKeyId());
    expect(ring.unwrap(old.wrap(DATA_KEY))).toEqual(DATA_KEY);
    expect(() => ring.promote(old.currentKeyId())).toThrow(TypeError);
  });

  it.each([14, 21, 0, -1, 15.5, Number.NaN, Number.POSITIVE_INFINITY, "17"])(
    "a cost of %s is out of bounds",
    async (logCost) => {
      const make = () => KeyRing.newPassphraseParams({ passphrase, logCost } as NewPassphrase);
      const error = await thrownBy(make);
      expect(error).toBeInstanceOf(typeof logCost === "number" ? RangeError : TypeError);
      expect(await messageThrownBy(make)).toContain("logCost must be a");
    },
  );

  const salt = "A".repeat(22);
  it.each([
    `$scrypt$ln=14,r=8,p=1$${salt}`,
    `$scrypt$ln=21,r=8,p=1$${salt}`,
    `$scrypt$ln=99,r=8,p=1$${salt}`,
    `$scrypt$ln=15,r=7,p=1$${salt}`,
    `$scrypt$ln=15,r=17,p=1$${salt}`,
    `$scrypt$ln=15,r=8,p=0$${salt}`,
    `$scrypt$ln=15,r=8,p=5$${salt}`,
  ])("%s is too low or too high", async (given) => {
    const error = await thrownBy(() => ringOf(passphrase, given));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/^params: (logCost|blockSize|parallelism) must be /);
    expect((error as Error).message).not.toContain(salt);
  });

  it.each([
    "",
    "scrypt",
    `$argon2id$ln=15,r=8,p=1$${salt}`,
    `$scrypt$ln=15,r=8$${salt}`,
    `$scrypt$ln=15,r=8,p=1$${salt}A`,
    `$scrypt$ln=15,r=8,p=1$${salt}\n`,
    `$scrypt$ln=-5,r=8,p=1$${salt}`,
    `$scrypt$ln=15,r=8,p=1$${"-".repeat(22)}`,
  ])("%j is malformed", async (given) => {
    expect(await thrownBy(() => ringOf(passphrase, given))).toEqual(
      new TypeError("params must be a string from KeyRing.newPassphraseParams()"),
    );
  });

  it("values other than text are rejected with the option's name", async () => {
    const asText = (value: unknown) => value as string;
    expect(await thrownBy(() => ringOf(asText(12_345_678)))).toEqual(
      new TypeError("passphrase must be a string"),
    );
    expect(await thrownBy(() => ringOf(passphrase, asText(null)))).toEqual(
      new TypeError("params must be a string"),
    );
  });

  it("a passphrase of less than 8 characters is refused by a message without it", async () => {
    const error = await thrownBy(() => ringOf("canary7"));
    expect(error).toEqual(new RangeError("passphrase must have at least 8 characters"));
    expect((await ringOf("canary78")).durable).toBe(true);
  });

  it("the highest allowed block size and parallelism work", async () => {
    const ring = await ringOf(passphrase, `$scrypt$ln=15,r=16,p=4$${salt}`);
    expect(ring.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });
});

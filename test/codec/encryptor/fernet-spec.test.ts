import { createCipheriv, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fernetEncryptor } from "../../../src/codec/encryptor/fernet.js";
import { codeThrownBy, INTEGRITY } from "../../support/refusals.js";
import { hex, loadVectors } from "../../support/vectors.js";

interface Vector {
  readonly token: string;
  readonly now: string;
  readonly secret: string;
}
type VerifyVector = Vector & { readonly ttl_sec: number; readonly src: string };
type InvalidVector = Vector & { readonly ttl_sec: number; readonly desc: string };
type GenerateVector = Vector & { readonly iv: readonly number[]; readonly src: string };

const verify = loadVectors<readonly VerifyVector[]>("fernet/verify.json");
const invalid = loadVectors<readonly InvalidVector[]>("fernet/invalid.json");
const generate = loadVectors<readonly GenerateVector[]>("fernet/generate.json");

const clockAt = (time: string) => ({ now: () => Date.parse(time) });

/** Returns a token made according to the specification, without code of the library. */
function referenceToken(secret: string, iv: Uint8Array, plaintext: string, now: string): string {
  const key = Buffer.from(secret, "base64url");
  const cipher = createCipheriv("aes-128-cbc", key.subarray(16), iv);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(Date.parse(now) / 1000));
  const signed = Buffer.concat([
    Buffer.of(0x80),
    time,
    iv,
    cipher.update(plaintext, "utf8"),
    cipher.final(),
  ]);
  const mac = createHmac("sha256", key.subarray(0, 16)).update(signed).digest();
  const text = Buffer.concat([signed, mac]).toString("base64");
  return text.replaceAll("+", "-").replaceAll("/", "_");
}

describe("the vectors of the Fernet specification", () => {
  it("are complete", () => {
    expect([verify.length, invalid.length, generate.length]).toEqual([1, 8, 1]);
  });

  it.each(verify)("token $token verifies", async ({ token, now, secret, ttl_sec, src }) => {
    const options = { keys: [secret], clock: clockAt(now), maxAgeSeconds: ttl_sec };
    const plaintext = await fernetEncryptor(options).decrypt(Buffer.from(token));
    expect(Buffer.from(plaintext).toString()).toBe(src);
  });

  it.each(invalid)("a token is refused for: $desc", async ({ token, now, secret, ttl_sec }) => {
    const options = { keys: [secret], clock: clockAt(now), maxAgeSeconds: ttl_sec };
    const decrypt = () => fernetEncryptor(options).decrypt(Buffer.from(token));
    expect(await codeThrownBy(decrypt)).toBe(INTEGRITY);
  });

  it.each(generate)("token $token opens and equals that of the reference", async (vector) => {
    const { token, now, secret, iv, src } = vector;
    expect(referenceToken(secret, Uint8Array.from(iv), src, now)).toBe(token);
    const plaintext = await fernetEncryptor({ keys: [secret] }).decrypt(Buffer.from(token));
    expect(Buffer.from(plaintext).toString()).toBe(src);
  });

  it.each(generate)(
    "a generated token equals that of the reference with the same IV",
    async (vector) => {
      const { now, secret, src } = vector;
      const encryptor = fernetEncryptor({ keys: [secret], clock: clockAt(now) });
      const token = Buffer.from(await encryptor.encrypt(Buffer.from(src))).toString("latin1");
      const iv = Buffer.from(token, "base64url").subarray(9, 25);
      expect(token).toBe(referenceToken(secret, iv, src, now));
    },
  );
});

describe("tokens of python-cryptography", () => {
  interface Token {
    readonly key: string;
    readonly token: string;
    readonly plaintext: string;
    readonly time: number;
  }
  const { fernet: tokens } = loadVectors<{ fernet: readonly Token[] }>(
    "interop/python_cryptography.json",
  );

  it("all open, within their age and within a minute's skew", async () => {
    expect(tokens).toHaveLength(7);
    for (const { key, token, plaintext, time } of tokens) {
      for (const seconds of [-60, 0, 10]) {
        const clock = { now: () => (time + seconds) * 1000 };
        const encryptor = fernetEncryptor({ keys: [key], clock, maxAgeSeconds: 10 });
        expect(hex(plaintext).equals(await encryptor.decrypt(Buffer.from(token)))).toBe(true);
      }
    }
  });

  it("are all refused when older, or made further in the future", async () => {
    for (const { key, token, time } of tokens) {
      for (const seconds of [-61, 11]) {
        const clock = { now: () => (time + seconds) * 1000 };
        const encryptor = fernetEncryptor({ keys: [key], clock, maxAgeSeconds: 10 });
        expect(await codeThrownBy(() => encryptor.decrypt(Buffer.from(token)))).toBe(INTEGRITY);
      }
    }
  });
});

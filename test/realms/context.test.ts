import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import {
  aes256GcmEncryptor,
  HandleVault,
  isVaultError,
  KeyRing,
  VaultCodec,
} from "../../src/index.js";
import { mapValues, sizeOf } from "../../src/template/render/values.js";
import { codeThrownBy } from "../support/refusals.js";
import { OWNER, sealOptions } from "../support/vault.js";

const DIST = join(import.meta.dirname, "../../dist");
const SSN = "078-05-1120";

/** A program for a separate context, next to the library. */
const PROGRAM = `
  import { deflateCompressor, HandleVault, KeyRing, VaultCodec } from "./index.js";
  const codec = new VaultCodec({ compressor: deflateCompressor() });
  const keys = KeyRing.from({ current: "a", keys: { a: new Uint8Array(32).fill(1) } });
  const options = { ownerPrincipal: "owner", safeView: "a payload" };
  for (const vault of [new HandleVault(), new HandleVault({ keys, codec })]) {
    for (const data of [{ list: [1, "x", null] }, "text", Uint8Array.of(1, 2), ["x".repeat(100_000)]]) {
      const { id } = await vault.seal(data, options);
      const opened = await vault.unseal(id, "owner");
      const isSame = JSON.stringify(opened) === JSON.stringify(data);
      console.log(isSame && opened instanceof Uint8Array === data instanceof Uint8Array);
    }
    await vault.close();
  }
`;

/** The same for authenticators, where `structuredClone` is as absent as it is under Jest's jsdom. */
const AUTH_PROGRAM = `
  import { Buffer } from "node:buffer";
  import { headerAuth, openJwtAuth, tokenAuth } from "./auth.js";
  const token = "t".repeat(43);
  const key = new Uint8Array(32).fill(1);
  const evidence = { bearerToken: token, header: () => undefined, hasHeader: () => false };
  const auth = tokenAuth({ key, tokens: [{ token, principal: "alice", expiresAt: new Date(1e14) }] });
  console.log(auth.authenticate(evidence).principal === "alice");
  headerAuth({ peers: ["10.0.0.7"], secret: token });
  const x = Buffer.alloc(32, 7).toString("base64url");
  const jwk = { kty: "OKP", crv: "Ed25519", x };
  for (const one of [jwk, { keys: [jwk] }, key]) {
    const options = { issuer: "https://login.example.org", audience: "handlevault", key: one };
    console.log("authenticate" in await openJwtAuth(options));
  }
`;

const encryptors = runInNewContext(`({
  // Promises of this realm are not instances of the other realm's class.
  waiting: (inner) => ({
    durable: true,
    encrypt: async (plaintext, context) => inner.encrypt(plaintext, context),
    decrypt: async (ciphertext, context) => inner.decrypt(ciphertext, context),
  }),
})`);

describe("a vault whose caller lives in another realm", () => {
  it.each([
    ["vaults", PROGRAM, 8],
    ["authenticators", AUTH_PROGRAM, 4],
  ])("is whole where the library itself was evaluated in a context: %s", (_, program, count) => {
    const script = join(import.meta.dirname, "in-context.mjs");
    const args = ["--experimental-vm-modules", "--no-warnings", script, DIST, program];
    const lines = execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split("\n");
    expect(lines).toEqual(Array.from({ length: count }, () => "true"));
  });

  it("accepts bytes and keys of a context", async () => {
    const key = runInNewContext("new Uint8Array(32).fill(1)");
    const vault = new HandleVault({ keys: KeyRing.from({ current: "a", keys: { a: key } }) });
    const { id } = await vault.seal(runInNewContext("Uint8Array.of(1, 2)"), sealOptions());
    expect(await vault.unseal(id, OWNER)).toEqual(Uint8Array.of(1, 2));
    const codec = new VaultCodec();
    const sealed = new (runInNewContext("Uint8Array"))(await codec.encode("text")) as Uint8Array;
    expect(await codec.decode(sealed)).toBe("text");
  });

  it("MessagePack carries dates, maps, sets and arrays of numbers of a context", async () => {
    const codec = new VaultCodec({ serializer: messagePackSerializer() });
    const data: unknown = runInNewContext(`({
      born: new Date(5), map: new Map([[1, new Set(["a"])]]), list: [{ deep: [1] }],
      bytes: Uint8Array.of(1), floats: Float32Array.of(0.5), big: BigInt64Array.of(-1n),
      memory: Uint8Array.of(3).buffer, view: new DataView(Uint8Array.of(0, 4, 5).buffer, 1),
    })`);
    const opened = await codec.decode(await codec.encode(data));
    expect(opened).toEqual({
      born: new Date(5),
      map: new Map([[1, new Set(["a"])]]),
      list: [{ deep: [1] }],
      bytes: Uint8Array.of(1),
      floats: Float32Array.of(0.5),
      big: BigInt64Array.of(-1n),
      memory: Uint8Array.of(3).buffer,
      view: new DataView(Uint8Array.of(4, 5).buffer),
    });
  });

  it("MessagePack refuses instances of a context's own classes, wherever they are", async () => {
    const codec = new VaultCodec({ serializer: messagePackSerializer() });
    const values = [
      "new (class Dates extends Date {})(0)",
      "new (class Rows extends Map {})()",
      "new (class Bytes extends Uint8Array {})(1)",
      "new (class Account {})()",
      "new Error('x')",
      "new SharedArrayBuffer(1)",
    ];
    for (const value of values) {
      const data: unknown = runInNewContext(`({ deep: [${value}] })`);
      await expect(codec.encode(data)).rejects.toThrow("data.deep[0] is an instance of a class");
    }
  });

  it.each(["new Map([['ssn', SSN]])", "new Set([SSN])", "[{ ssn: SSN }]", "bytesOf(SSN)"])(
    "the leak guard finds what is in %s",
    async (text) => {
      const codec = new VaultCodec({ serializer: messagePackSerializer() });
      const bytesOf = "(text) => Uint8Array.from(text, (c) => c.charCodeAt(0))";
      const data: unknown = runInNewContext(`const bytesOf = ${bytesOf}; ${text}`, { SSN });
      const seal = () => new HandleVault({ codec }).seal(data, sealOptions({ safeView: SSN }));
      expect(await codeThrownBy(seal)).toBe("ERR_VAULT_SAFE_VIEW_LEAK");
    },
  );

  it("awaits an encryptor whose promises are of a context", async () => {
    const inner = aes256GcmEncryptor({ keys: KeyRing.ephemeral() });
    const codec = new VaultCodec({ encryptor: encryptors.waiting(inner) });
    const vault = new HandleVault({ codec });
    const { id } = await vault.seal({ a: 1 }, sealOptions({ maxUses: 2 }));
    await vault.grant(id, "another", { by: OWNER });
    expect(await vault.unseal(id, OWNER)).toEqual({ a: 1 });
    expect(await codec.decode(await codec.encode("text"))).toBe("text");
  });

  it("errors of the library are recognised by code in any realm", async () => {
    const error = await new HandleVault()
      .unseal("no handle", OWNER)
      .catch((thrown: unknown) => thrown);
    expect(isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")).toBe(true);
  });

  it("templates read values of a context like those of any realm", () => {
    const value: unknown = runInNewContext(
      "({ list: [{ name: 'here' }], map: new Map([[1, 'abc']]) })",
    );
    const replaced = mapValues(value, (one) => (one === "here" ? { value: "there" } : undefined));
    expect(replaced).toMatchObject({ list: [{ name: "there" }] });
    expect(sizeOf(runInNewContext("new Map([[1, 'abc']])"))).toBe(sizeOf(new Map([[1, "abc"]])));
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { fernetEncryptor, generateFernetKey } from "../../src/codec/encryptor/fernet.js";
import { plaintextEncryptor } from "../../src/codec/encryptor/plaintext.js";
import { jsonSerializer } from "../../src/codec/serializer/json.js";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { VaultCodec } from "../../src/codec/vault-codec.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { Compressor, Encryptor, Serializer } from "../../src/vault/contracts.js";
import { compressors, withoutThreshold } from "../support/compressors.js";
import { thrownBy } from "../support/refusals.js";
import { isSameData } from "../support/same-value.js";

const serializers: [string, Serializer][] = [
  ["json", jsonSerializer()],
  ["messagepack", messagePackSerializer()],
];
const someCompressors: [string, Compressor | undefined][] = [
  ["none", undefined],
  ...compressors.map(([name, compressor]): [string, Compressor] => [
    name,
    withoutThreshold(compressor),
  ]),
];
const encryptors: [string, Encryptor][] = [
  ["aes-256-gcm", aes256GcmEncryptor({ keys: KeyRing.ephemeral() })],
  ["fernet", fernetEncryptor({ keys: [generateFernetKey()] })],
  ["plaintext", plaintextEncryptor()],
];
const combinations = serializers.flatMap(([serializerName, serializer]) =>
  someCompressors.flatMap(([compressorName, compressor]) =>
    encryptors.map(([encryptorName, encryptor]) => ({
      name: `${serializerName}, ${compressorName}, ${encryptorName}`,
      isJson: serializerName === "json",
      codec: new VaultCodec({ serializer, compressor, encryptor }),
    })),
  ),
);

/** Generates any UTF-16, including lone surrogates. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "\ud800", "\udc00\ud800", "\ufeff", "\0"),
);
/** JSON has no -0, and MessagePack refuses members named __proto__. */
const jsonValue = fc
  .jsonValue({ stringUnit: "binary", maxDepth: 4 })
  .map((value) => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")) as unknown);
const bytes = fc.uint8Array({ maxLength: 300 });
/** Generates long runs, which every compressor can compress. */
const repeated = fc
  .tuple(jsonValue, fc.integer({ min: 1, max: 200 }))
  .map(([value, count]) => new Array<unknown>(count).fill(value));

describe.each(combinations)("the codec with $name", ({ codec, isJson }) => {
  it("restores every JSON value", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(jsonValue, repeated), async (value) => {
        expect(isSameData(await codec.decode(await codec.encode(value)), value)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("restores every text, or refuses it by name if MessagePack cannot represent it", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        if (isJson || text.isWellFormed()) {
          expect(await codec.decode(await codec.encode(text))).toBe(text);
        } else {
          expect(await thrownBy(() => codec.encode(text))).toEqual(
            new TypeError(
              "data is text that is not well-formed Unicode: the serializer cannot carry it",
            ),
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it("restores all bytes, as a plain Uint8Array in separate memory", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 30 }), async (part, times) => {
        const given = Buffer.concat(new Array<Uint8Array>(times).fill(part));
        const decoded = (await codec.decode(await codec.encode(given))) as Uint8Array;
        expect(Object.getPrototypeOf(decoded)).toBe(Uint8Array.prototype);
        expect(decoded.buffer.byteLength).toBe(given.length);
        expect(given.equals(decoded)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("encodes into different bytes each time, if it encrypts, and refuses every truncation", async () => {
    const sealed = await codec.encode({ a: [1, "two"] });
    const again = await codec.encode({ a: [1, "two"] });
    const isEncrypted = !Buffer.from(sealed).includes("two");
    expect(Buffer.from(sealed).equals(again)).toBe(!isEncrypted);
    for (let length = 0; length < sealed.length; length += 7) {
      const error = await thrownBy(() => codec.decode(sealed.subarray(0, length)));
      expect((error as { code?: unknown }).code).toMatch(
        /^ERR_VAULT_(RECORD_INTEGRITY|KEY_NOT_FOUND)$/,
      );
    }
  });
});

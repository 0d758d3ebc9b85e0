import { describe, expect, it } from "vitest";
import { deflateCompressor } from "../../src/codec/compressor/zlib.js";
import { VaultCodec } from "../../src/codec/vault-codec.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { Compressor, Serializer } from "../../src/vault/contracts.js";

describe("the options of a codec", () => {
  it.each([
    ["null", null],
    ["text", "json"],
    ["an unknown option", { serialiser: {} }],
    ["a serializer that is none", { serializer: {} }],
    ["a serializer that is null", { serializer: null }],
    ["a compressor that is a name", { compressor: "zstd" }],
    ["an encryptor that is a key ring", { encryptor: KeyRing.ephemeral() }],
    ["a bound that is text", { maxPayloadBytes: "64" }],
    ["a serializer without an id", { serializer: { serialize: () => "", deserialize: () => 0 } }],
  ])("%s is a TypeError", (_, options) => {
    expect(() => new VaultCodec(options as object)).toThrow(TypeError);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 29])("a bound of %d bytes is a RangeError", (bytes) => {
    expect(() => new VaultCodec({ maxPayloadBytes: bytes })).toThrow(RangeError);
  });

  it.each([0, 256, 1.5, -1])("a stage with the id %d is a RangeError", (id) => {
    const serializer: Serializer = { id, serialize: () => "", deserialize: () => 0 };
    expect(() => new VaultCodec({ serializer })).toThrow(
      new RangeError("serializer.id must be a whole number from 3 to 255"),
    );
    const compressor: Compressor = { ...deflateCompressor(), id };
    expect(() => new VaultCodec({ compressor })).toThrow(
      new RangeError("compressor.id must be a whole number from 1 to 255"),
    );
  });

  it("stages that are undefined count as absent", async () => {
    const codec = new VaultCodec({
      serializer: undefined,
      compressor: undefined,
      encryptor: undefined,
      maxPayloadBytes: undefined,
    });
    expect(await codec.decode(await codec.encode([1]))).toStrictEqual([1]);
  });

  it("a serializer cannot have the id of those for bytes and text", () => {
    const own: Serializer = {
      id: 1,
      serialize: (data) => JSON.stringify(data),
      deserialize: (bytes) => JSON.parse(bytes.toString()) as unknown,
    };
    expect(() => new VaultCodec({ serializer: own })).toThrow(RangeError);
  });

  it("a stage without its reverse method is a TypeError", () => {
    const halves: object[] = [
      { serializer: { id: 200, serialize: () => "" } },
      { compressor: { id: 200, thresholdBytes: 1, compress: (bytes: Uint8Array) => bytes } },
      { encryptor: { durable: true, encrypt: (bytes: Uint8Array) => bytes } },
    ];
    for (const options of halves) expect(() => new VaultCodec(options)).toThrow(TypeError);
  });
});

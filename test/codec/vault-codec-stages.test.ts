import { describe, expect, it } from "vitest";
import { lz4Compressor } from "../../src/codec/compressor/lz4.js";
import { deflateCompressor } from "../../src/codec/compressor/zlib.js";
import { fernetEncryptor, generateFernetKey } from "../../src/codec/encryptor/fernet.js";
import { plaintextEncryptor } from "../../src/codec/encryptor/plaintext.js";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { VaultCodec } from "../../src/codec/vault-codec.js";
import type { Compressor, Encryptor, Serializer } from "../../src/vault/contracts.js";
import { compressibleBytes, pseudoRandomBytes } from "../support/bytes.js";
import { compressors } from "../support/compressors.js";
import { codeThrownBy, INTEGRITY, UNSUPPORTED } from "../support/refusals.js";

const encryptor = plaintextEncryptor();
const packedOf = async (codec: VaultCodec, data: unknown) => {
  await codec.ready();
  return await codec.pack(data);
};

describe("compression in a codec", () => {
  it.each(compressors)(
    "by %s does not change payloads under its threshold",
    async (_, compressor) => {
      const codec = new VaultCodec({ compressor, encryptor });
      const { thresholdBytes } = compressor;
      const below = await packedOf(codec, compressibleBytes(thresholdBytes - 1));
      expect([below.compressorId, below.content.length]).toEqual([0, thresholdBytes - 1]);
      const bytes = compressibleBytes(thresholdBytes);
      expect(bytes.equals((await codec.decode(await codec.encode(bytes))) as Uint8Array)).toBe(
        true,
      );
    },
  );

  it("starts at the threshold, counted in bytes of the serialized payload", async () => {
    const codec = new VaultCodec({ compressor: deflateCompressor(), encryptor });
    expect(await packedOf(codec, "é".repeat(2047))).toHaveProperty("compressorId", 0);
    expect(await packedOf(codec, "é".repeat(2048))).toMatchObject({
      compressorId: 1,
      serializedBytes: 4096,
    });
  });

  it("is kept only if it saves an eighth", async () => {
    const bytes = compressibleBytes(8000);
    for (const [compressedBytes, kept] of [
      [7000, true],
      [7001, false],
      [9000, false],
    ] as const) {
      const compressor: Compressor = {
        id: 200,
        thresholdBytes: 1,
        compress: () => Buffer.alloc(compressedBytes),
        decompress: () => bytes,
      };
      const packed = await packedOf(new VaultCodec({ compressor, encryptor }), bytes);
      expect(packed.compressorId).toBe(kept ? 200 : 0);
      expect(packed.content.length).toBe(kept ? compressedBytes : 8000);
    }
  });

  it("of incompressible data stores it uncompressed", async () => {
    const codec = new VaultCodec({ compressor: deflateCompressor(), encryptor });
    const noise = pseudoRandomBytes(100_000);
    const packed = await packedOf(codec, noise);
    expect([packed.compressorId, noise.equals(packed.content as Buffer)]).toEqual([0, true]);
  });

  it("is never applied to an empty payload", async () => {
    const compressor: Compressor = {
      id: 200,
      thresholdBytes: 0,
      compress: () => {
        throw new Error("asked to compress nothing");
      },
      decompress: (bytes) => bytes,
    };
    const codec = new VaultCodec({ compressor, encryptor });
    expect(await codec.decode(await codec.encode(""))).toBe("");
    expect(await codec.decode(await codec.encode(new Uint8Array(0)))).toEqual(new Uint8Array(0));
  });

  it("by a built-in compressor is reversed by every codec, whatever its own compressor", async () => {
    for (const [name, compressor] of compressors.slice(0, 3)) {
      const sealed = await new VaultCodec({ compressor, encryptor }).encode(
        compressibleBytes(9000),
      );
      const readers = [
        {},
        { compressor: lz4Compressor() },
        { serializer: messagePackSerializer() },
      ];
      for (const options of readers) {
        const reader = new VaultCodec({ ...options, encryptor });
        const decoded = (await reader.decode(sealed)) as Uint8Array;
        expect([name, compressibleBytes(9000).equals(decoded)]).toEqual([name, true]);
      }
    }
  });

  it("by LZ4, and MessagePack, need a codec that has them as options", async () => {
    const rows = Array.from({ length: 500 }, (_, id) => ({ id, when: new Date(id) }));
    const options = { serializer: messagePackSerializer(), compressor: lz4Compressor(), encryptor };
    const sealed = await new VaultCodec(options).encode(rows);
    expect(await new VaultCodec(options).decode(sealed)).toStrictEqual(rows);
    const { serializer, compressor } = options;
    for (const lacking of [{}, { serializer }, { compressor }]) {
      const reader = new VaultCodec({ ...lacking, encryptor });
      expect(await codeThrownBy(() => reader.decode(sealed))).toBe(UNSUPPORTED);
    }
  });
});

describe("custom stages", () => {
  const bracketed: Serializer = {
    id: 200,
    serialize: (data) => `<${JSON.stringify(data)}>`,
    deserialize: (bytes) => JSON.parse(bytes.toString().slice(1, -1)) as unknown,
  };
  const halving: Compressor = {
    id: 201,
    thresholdBytes: 2,
    compress: async (bytes) => Promise.resolve(bytes.subarray(0, Math.ceil(bytes.length / 2))),
    decompress: async (bytes, length) => {
      const twice = Buffer.concat([bytes, bytes]).subarray(0, length);
      return Promise.resolve(new Uint8Array(twice));
    },
  };
  const exclusive: Encryptor = {
    durable: true,
    encrypt: async (plaintext) =>
      Promise.resolve(Buffer.from(plaintext.map((byte) => byte ^ 0xff))),
    decrypt: async (bytes) => Promise.resolve(new Uint8Array(bytes.map((byte) => byte ^ 0xff))),
  };

  it("take part like the library's", async () => {
    const codec = new VaultCodec({ serializer: bracketed, compressor: halving, encryptor });
    const sealed = await codec.encode("same".repeat(2));
    expect(sealed).toHaveLength(32 + 6 + 4);
    expect(await codec.decode(sealed)).toBe("samesame");
  });

  it("may serialize structures in another form", async () => {
    const codec = new VaultCodec({ serializer: bracketed, encryptor });
    expect(await codec.decode(await codec.encode({ a: [1, null] }))).toStrictEqual({
      a: [1, null],
    });
    expect(
      Buffer.from(await codec.encode([1]))
        .subarray(38)
        .toString(),
    ).toBe("<[1]>");
  });

  it("may be asynchronous and may return any Uint8Array", async () => {
    const codec = new VaultCodec({ compressor: halving, encryptor: exclusive });
    const bytes = Uint8Array.of(5, 6, 5, 6);
    const sealed = await codec.encode(bytes);
    expect([...sealed]).toEqual([1, 201, 0, 0, 0, 4, 5, 6].map((byte) => byte ^ 0xff));
    expect(await codec.decode(sealed)).toStrictEqual(bytes);
  });

  it("replace the library's stage of the same id", async () => {
    const serializer: Serializer = { ...bracketed, id: 3 };
    const codec = new VaultCodec({ serializer, encryptor });
    expect(await codec.decode(await codec.encode([1]))).toStrictEqual([1]);
    const sealed = await new VaultCodec({ encryptor }).encode({ a: 1 });
    expect(await codeThrownBy(() => codec.decode(sealed))).toBe(INTEGRITY);
  });

  it("that throw while reading give RecordIntegrityError", async () => {
    const serializer: Serializer = {
      id: 200,
      serialize: () => "canary",
      deserialize: (bytes) => {
        throw new Error(bytes.toString());
      },
    };
    const codec = new VaultCodec({ serializer });
    const sealed = await codec.encode({});
    expect(await codeThrownBy(() => codec.decode(sealed))).toBe(INTEGRITY);
  });

  it("get a plaintext that is wiped after they have returned", async () => {
    const seen: Uint8Array[] = [];
    const spying: Encryptor = {
      durable: true,
      encrypt: (plaintext) => {
        seen.push(plaintext);
        return Buffer.from(plaintext);
      },
      decrypt: (bytes) => {
        const plaintext = new Uint8Array(bytes);
        seen.push(plaintext);
        return plaintext;
      },
    };
    const codec = new VaultCodec({ encryptor: spying });
    expect(await codec.decode(await codec.encode("secret"))).toBe("secret");
    expect(seen).toHaveLength(2);
    for (const plaintext of seen) expect(plaintext.every((byte) => byte === 0)).toBe(true);
  });
});

describe("a codec with Fernet", () => {
  it("makes tokens and reads its own", async () => {
    const keys = [generateFernetKey()];
    const codec = new VaultCodec({ encryptor: fernetEncryptor({ keys }) });
    const sealed = await codec.encode({ ssn: "123-45-6789" });
    expect(Buffer.from(sealed).toString("latin1")).toMatch(/^gAAAAA/);
    expect(await codec.decode(sealed)).toStrictEqual({ ssn: "123-45-6789" });
  });
});

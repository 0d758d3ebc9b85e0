import { describe, expect, it } from "vitest";
import { deflateCompressor } from "../../src/codec/compressor/zlib.js";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { plaintextEncryptor } from "../../src/codec/encryptor/plaintext.js";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { VaultCodec, writePackedHeader } from "../../src/codec/vault-codec.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { Serializer } from "../../src/vault/contracts.js";
import { compressibleBytes, pseudoRandomBytes } from "../support/bytes.js";
import {
  codeThrownBy,
  INTEGRITY,
  KEY_NOT_FOUND,
  TOO_LARGE,
  thrownBy,
  UNSUPPORTED,
} from "../support/refusals.js";

const encryptor = plaintextEncryptor();
const CHECKSUM_BYTES = 32;

/** Returns the packed header in the output of a codec with the plaintext encryptor. */
function headerOf(sealed: Uint8Array) {
  const bytes = Buffer.from(sealed).subarray(CHECKSUM_BYTES);
  return {
    serializerId: bytes.readUInt8(0),
    compressorId: bytes.readUInt8(1),
    length: bytes.readUInt32BE(2),
    contentLength: bytes.length - 6,
  };
}

/** Encodes a packed payload that the test built. */
async function sealedByHand(
  header: { serializerId?: number; compressorId?: number; length?: number },
  content: Uint8Array,
): Promise<Uint8Array> {
  const { serializerId = 1, compressorId = 0, length = content.length } = header;
  const plaintext = Buffer.alloc(6);
  const sizes = { contentBytes: content.length, serializedBytes: length };
  writePackedHeader(plaintext, { serializerId, compressorId, content, ...sizes }, 0);
  return await encryptor.encrypt(Buffer.concat([plaintext, content]));
}

describe("a codec without options", () => {
  it("encrypts with AES-256-GCM under its own keys", async () => {
    const [codec, stranger] = [new VaultCodec(), new VaultCodec()];
    const sealed = await codec.encode("4111 1111 1111 1111");
    expect(Buffer.from(sealed).includes("4111")).toBe(false);
    expect(codec.encryptor).toBeUndefined();
    expect(await codec.decode(sealed)).toBe("4111 1111 1111 1111");
    expect(await codeThrownBy(() => stranger.decode(sealed))).toBe(KEY_NOT_FOUND);
  });

  it("stores bytes and text unchanged and other payloads as JSON", async () => {
    const codec = new VaultCodec({ encryptor });
    const kinds: [unknown, number, number][] = [
      [Uint8Array.of(1, 2, 3), 1, 3],
      [Buffer.from("abc"), 1, 3],
      ["é", 2, 2],
      ["", 2, 0],
      ["\ud800", 3, 8],
      [{ a: 1 }, 3, 7],
      [null, 3, 4],
      [7, 3, 1],
    ];
    for (const [data, serializerId, length] of kinds) {
      expect(headerOf(await codec.encode(data))).toEqual({
        serializerId,
        compressorId: 0,
        length,
        contentLength: length,
      });
    }
  });

  it("decodes bytes as a plain Uint8Array in separate memory", async () => {
    const codec = new VaultCodec();
    for (const given of [Buffer.from("abc"), Uint8Array.of(97, 98, 99)]) {
      const decoded = (await codec.decode(await codec.encode(given))) as Uint8Array;
      expect(Object.getPrototypeOf(decoded)).toBe(Uint8Array.prototype);
      expect([...decoded]).toEqual([97, 98, 99]);
      expect(decoded.buffer.byteLength).toBe(3);
    }
  });

  it("encodes into a plain Uint8Array in separate memory", async () => {
    const sealed = await new VaultCodec().encode("text");
    expect(Object.getPrototypeOf(sealed)).toBe(Uint8Array.prototype);
    expect(sealed.buffer.byteLength).toBe(sealed.length);
  });

  it("does not change its input", async () => {
    const codec = new VaultCodec({ compressor: deflateCompressor() });
    const bytes = compressibleBytes(10_000);
    const sealed = await codec.encode(bytes);
    expect(bytes.equals(compressibleBytes(10_000))).toBe(true);
    const copy = Buffer.from(sealed);
    await codec.decode(sealed);
    expect(copy.equals(sealed)).toBe(true);
  });

  it("returns a new copy every time", async () => {
    const codec = new VaultCodec();
    const sealed = await codec.encode({ list: [1] });
    const first = (await codec.decode(sealed)) as { list: number[] };
    first.list.push(2);
    expect(await codec.decode(sealed)).toStrictEqual({ list: [1] });
  });

  it("refuses a payload that is not JSON data before anything is encrypted", async () => {
    expect(await thrownBy(() => new VaultCodec().encode({ when: new Date(0) }))).toEqual(
      new TypeError("data.when is an instance of a class: the serializer cannot carry it"),
    );
  });
});

describe("the input of decode", () => {
  const codec = new VaultCodec({ encryptor });

  it("must be a Uint8Array", async () => {
    for (const bytes of ["text", [1, 2], null, undefined, new ArrayBuffer(8)]) {
      expect(await thrownBy(() => codec.decode(bytes as unknown as Uint8Array))).toEqual(
        new TypeError("bytes must be a Uint8Array"),
      );
    }
  });

  it("is refused if it has another key, was truncated or was altered", async () => {
    const rings = [1, 2].map((seed) =>
      KeyRing.from({ current: "k", keys: { k: pseudoRandomBytes(32, seed) } }),
    );
    const [writer, reader] = rings.map(
      (keys) => new VaultCodec({ encryptor: aes256GcmEncryptor({ keys }) }),
    ) as [VaultCodec, VaultCodec];
    const sealed = await writer.encode({ a: 1 });
    expect(await codeThrownBy(() => reader.decode(sealed))).toBe(INTEGRITY);
    expect(await codeThrownBy(() => writer.decode(sealed.subarray(0, -1)))).toBe(INTEGRITY);
    expect(await codeThrownBy(() => writer.decode(new Uint8Array(0)))).toBe(KEY_NOT_FOUND);
    expect(await writer.decode(sealed)).toStrictEqual({ a: 1 });
  });

  it("is refused if the payload is too short for its header", async () => {
    for (let length = 0; length < 6; length++) {
      const sealed = await encryptor.encrypt(Buffer.alloc(length, 1));
      expect(await codeThrownBy(() => codec.decode(sealed))).toBe(INTEGRITY);
    }
  });

  it("is refused if the length differs from that of the payload", async () => {
    for (const length of [0, 2, 4, 1000]) {
      const sealed = await sealedByHand({ length }, Buffer.from("abc"));
      expect(await codeThrownBy(() => codec.decode(sealed))).toBe(INTEGRITY);
    }
    expect(await codec.decode(await sealedByHand({ serializerId: 2 }, Buffer.from("abc")))).toBe(
      "abc",
    );
  });

  it("is unsupported if the codec lacks its serializer or compressor", async () => {
    const content = Buffer.from("1");
    for (const serializerId of [0, 4, 5, 127, 128, 255]) {
      const sealed = await sealedByHand({ serializerId }, content);
      expect(await codeThrownBy(() => codec.decode(sealed))).toBe(UNSUPPORTED);
    }
    for (const compressorId of [4, 5, 127, 128, 255]) {
      const sealed = await sealedByHand({ compressorId }, content);
      expect(await codeThrownBy(() => codec.decode(sealed))).toBe(UNSUPPORTED);
    }
  });

  it("unpacking with a header of unknown ids is refused, too", async () => {
    const header = { serializerId: 1, compressorId: 0, length: 1 };
    const unpack = (changes: object) =>
      codeThrownBy(() => codec.unpack({ ...header, ...changes }, Buffer.from("1")));
    expect(await unpack({ serializerId: 9 })).toBe(UNSUPPORTED);
    expect(await unpack({ compressorId: 9 })).toBe(UNSUPPORTED);
    expect(await unpack({})).toBe("no error");
  });

  it("is refused without being quoted if it does not parse", async () => {
    const sealed = await sealedByHand({ serializerId: 3 }, Buffer.from("canary-8f3a"));
    const error = await thrownBy(() => codec.decode(sealed));
    expect(error).toHaveProperty("code", INTEGRITY);
    expect(String((error as Error).stack)).not.toContain("canary");
    expect((error as Error).cause).toBeUndefined();
  });

  it("is refused if it does not decompress, synchronously or asynchronously", async () => {
    for (const length of [100, 600_000]) {
      const sealed = await sealedByHand({ compressorId: 1, length }, Buffer.from("not zlib"));
      expect(await codeThrownBy(() => codec.decode(sealed))).toBe(INTEGRITY);
    }
  });
});

describe("maxPayloadBytes", () => {
  it("bounds the serialized payload, in bytes, when encoding", async () => {
    const codec = new VaultCodec({ maxPayloadBytes: 10 });
    const fits = [Buffer.alloc(10), "é".repeat(5), { a: "xx" }];
    const exceeds = [Buffer.alloc(11), "é".repeat(6), { a: "xxx" }, "x".repeat(1_000_000)];
    for (const data of fits) expect(await codec.decode(await codec.encode(data))).toBeDefined();
    for (const data of exceeds) {
      expect(await codeThrownBy(() => codec.encode(data))).toBe(TOO_LARGE);
    }
  });

  it("bounds decoded payloads, before they are decompressed", async () => {
    const reader = new VaultCodec({ encryptor, maxPayloadBytes: 1000 });
    const writer = new VaultCodec({ encryptor, compressor: deflateCompressor() });
    const sealed = await writer.encode(compressibleBytes(5000));
    expect(headerOf(sealed).contentLength).toBeLessThan(1000);
    expect(await codeThrownBy(() => reader.decode(sealed))).toBe(TOO_LARGE);
    const liar = await sealedByHand({ compressorId: 1, length: 0xffff_ffff }, Buffer.from("x"));
    expect(await codeThrownBy(() => reader.decode(liar))).toBe(TOO_LARGE);
  });

  it("is 64 MiB by default", async () => {
    const codec = new VaultCodec({ encryptor });
    const bytes = Buffer.alloc(64 * 1_048_576 + 1);
    expect(await codeThrownBy(() => codec.encode(bytes))).toBe(TOO_LARGE);
    expect(codec.pack(bytes.subarray(1))).toHaveProperty("serializerId", 1);
  });
});

describe("a codec with dependencies to load", () => {
  it("has nothing to wait for once it is ready", async () => {
    const codec = new VaultCodec({ serializer: messagePackSerializer() });
    await codec.ready();
    expect(codec.ready()).toBeUndefined();
  });

  it("retries after a stage failed to get ready", async () => {
    const loads: string[] = [];
    const trouble = new Error("not installed yet");
    const serializer: Serializer = {
      id: 200,
      ready: () => {
        loads.push("load");
        return loads.length === 1 ? Promise.reject(trouble) : undefined;
      },
      serialize: (data) => JSON.stringify(data),
      deserialize: (bytes) => JSON.parse(bytes.toString()) as unknown,
    };
    const codec = new VaultCodec({ serializer });
    expect(await thrownBy(() => codec.encode([1]))).toBe(trouble);
    expect(await codec.decode(await codec.encode([1]))).toStrictEqual([1]);
    expect(loads).toHaveLength(2);
  });
});

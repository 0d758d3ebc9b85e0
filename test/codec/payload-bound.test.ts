import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fernetEncryptor, generateFernetKey } from "../../src/codec/encryptor/fernet.js";
import { jsonSerializer } from "../../src/codec/serializer/json.js";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { VaultCodec } from "../../src/codec/vault-codec.js";
import type { Serializer } from "../../src/vault/contracts.js";
import { codeThrownBy } from "../support/refusals.js";

const TOO_LARGE = "ERR_VAULT_PAYLOAD_TOO_LARGE";
const serializers: readonly [string, () => Serializer][] = [
  ["JSON", jsonSerializer],
  ["MessagePack", messagePackSerializer],
];

async function bytesOf(serializer: Serializer, data: unknown): Promise<number> {
  await serializer.ready?.();
  return Buffer.from(serializer.serialize(data)).length;
}

/** Returns data that counts how often it is read: once by the check, once more when it is serialized. */
function counted(value: string): { readonly data: object; readonly reads: () => number } {
  let reads = 0;
  const data = {
    get text() {
      reads += 1;
      return value;
    },
  };
  return { data, reads: () => reads };
}

describe.each(serializers)("the bound on payloads, for %s", (_, make) => {
  it("accepts a payload of exactly the limit, and refuses one byte more", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4, depthSize: "large" }), async (data) => {
        // Bytes and text do not go through the serializer; JSON has no -0.
        const kept: unknown = JSON.parse(JSON.stringify([data]));
        const maxPayloadBytes = await bytesOf(make(), kept);
        const fits = new VaultCodec({ serializer: make(), maxPayloadBytes });
        expect(await fits.decode(await fits.encode(kept))).toEqual(kept);
        const tooSmall = new VaultCodec({
          serializer: make(),
          maxPayloadBytes: maxPayloadBytes - 1,
        });
        expect(await codeThrownBy(() => tooSmall.encode(kept))).toBe(TOO_LARGE);
      }),
    );
  });

  it("refuses a payload that cannot fit before any of it is serialized", async () => {
    const codec = new VaultCodec({ serializer: make(), maxPayloadBytes: 1000 });
    const { data, reads } = counted("x".repeat(1000));
    expect(await codeThrownBy(() => codec.encode(data))).toBe(TOO_LARGE);
    expect(reads()).toBe(1);
    const small = counted("x");
    await codec.encode(small.data);
    expect(small.reads()).toBeGreaterThan(1);
  });

  it("stops at the bound in data that shares its parts and would fill the memory", async () => {
    const codec = new VaultCodec({ serializer: make() });
    const { data, reads } = counted("x".repeat(2 ** 20));
    const rows = Array.from({ length: 100_000 }, () => data);
    expect(await codeThrownBy(() => codec.encode(rows))).toBe(TOO_LARGE);
    expect(reads()).toBe(64);
  });
});

describe("the bound on payloads", () => {
  it("counts bytes and text before they are read", async () => {
    const codec = new VaultCodec({ maxPayloadBytes: 3 });
    for (const data of [new Uint8Array(4), "four", "ää"]) {
      expect(await codeThrownBy(() => codec.encode(data))).toBe(TOO_LARGE);
    }
    for (const data of [new Uint8Array(3), "3ch", "ä1"]) {
      expect(await codec.decode(await codec.encode(data))).toEqual(data);
    }
  });

  it("MessagePack counts bytes within data", async () => {
    const codec = new VaultCodec({ serializer: messagePackSerializer(), maxPayloadBytes: 100 });
    for (const data of [[new Uint8Array(100)], [new ArrayBuffer(100)], [new Float64Array(13)]]) {
      expect(await codeThrownBy(() => codec.encode(data))).toBe(TOO_LARGE);
    }
  });

  it("JSON text beyond the longest string is too large", async () => {
    let reads = 0;
    const data = {
      get text() {
        reads += 1;
        // V8 throws this if a text becomes too long within JSON.stringify.
        return reads === 1 ? "" : "x".repeat(2 ** 30);
      },
    };
    expect(await codeThrownBy(() => new VaultCodec().encode(data))).toBe(TOO_LARGE);
  });

  it("other errors of a payload's own getters are passed on", async () => {
    const data = {
      get text() {
        throw new RangeError("of the caller");
      },
    };
    await expect(new VaultCodec().encode(data)).rejects.toThrow(new RangeError("of the caller"));
  });

  it("bytes that would be a text beyond the longest string are too large, not damaged", async () => {
    const serializer: Serializer = {
      id: 200,
      serialize: () => "x",
      deserialize: () => "x".repeat(2 ** 30),
    };
    const codec = new VaultCodec({ serializer });
    const sealed = await codec.encode([1]);
    expect(await codeThrownBy(() => codec.decode(sealed))).toBe(TOO_LARGE);
    const fernet = new VaultCodec({ encryptor: fernetEncryptor({ keys: [generateFernetKey()] }) });
    expect(await codeThrownBy(() => fernet.decode(new Uint8Array(2 ** 29)))).toBe(TOO_LARGE);
  });
});

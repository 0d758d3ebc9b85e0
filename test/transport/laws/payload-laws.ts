import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { type VaultHarness, withVault } from "./harness.js";

const MIB = 1024 * 1024;

const PAYLOADS: Readonly<Record<string, unknown>> = {
  null: null,
  "a boolean": false,
  zero: 0,
  "a small number": -1.5,
  "the largest 32-bit integer and its neighbours": [
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
  ],
  "the largest safe integers": [2 ** 53 - 1, -(2 ** 53 - 1)],
  "whole numbers that only doubles hold": [2 ** 53, 2 ** 60, -(2 ** 63), 1e20],
  "the extremes of doubles": [5e-324, 1.7976931348623157e308, 0.1, 1e21],
  "an empty text": "",
  "text that looks like a number": "1",
  "text that looks like JSON": '{"data_encoding":"base64"}',
  "text that looks like base64": "c2VjcmV0",
  "text with markup": `<value>&amp;</value> ]]> <!DOCTYPE x> "quotes" 'n' \\ back`,
  "text in many scripts": "Zürich 北京 السلام 🗝️ \u{10ffff} e\u0301",
  "white space and line ends": " \t\n\r\r\n end \u2028\u00a0 ",
  "an empty list and an empty object": [[], {}],
  "nested lists and objects": nested(20),
  "an object with odd keys": {
    "": 1,
    " ": 2,
    "a b": 3,
    ключ: 4,
    "<&>": 5,
    data_encoding: "base64",
  },
  "an object with a member called __proto__": JSON.parse('{"__proto__":{"admin":true},"a":1}'),
  "a table": Array.from({ length: 500 }, (_, row) => ({ row, name: `n${row}`, ok: row % 2 === 0 })),
};

const BYTES: Readonly<Record<string, Uint8Array>> = {
  "no bytes": new Uint8Array(0),
  "every byte": Uint8Array.from({ length: 256 }, (_, byte) => byte),
  "bytes that are no UTF-8": Uint8Array.of(0xff, 0xfe, 0, 0xc0, 0x80),
  "part of a larger buffer": new Uint8Array(Uint8Array.of(1, 2, 3, 4, 5).buffer, 1, 3),
  "a Buffer": Buffer.from("secret"),
};

/** Every payload comes back unchanged. */
export function payloadLaws(harness: VaultHarness): void {
  it.each(Object.entries(PAYLOADS))("gives %s back as it was sealed", async (_, data) => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal(data, sealOptions());
      const unsealed = await vault.unseal(id, GRANTEE);
      expect(unsealed).toStrictEqual(data);
      expect(JSON.stringify(unsealed)).toBe(JSON.stringify(data));
      expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
    });
  });

  it.each(Object.entries(BYTES))("gives %s back as a Uint8Array", async (_, data) => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal(data, sealOptions());
      expect(await vault.unseal(id, OWNER)).toStrictEqual(new Uint8Array(data));
    });
  });

  it.each([1, 10])("gives %i MiB back, of text and of bytes", async (mebibytes) => {
    await withVault(harness, async (vault) => {
      const text = "sixteen bytes é".repeat((mebibytes * MIB) / 16);
      const bytes = Buffer.alloc(mebibytes * MIB, "0123456789abcdefghijklmnopqrstuvwxyz!");
      const { id } = await vault.seal(text, sealOptions());
      expect((await vault.unseal(id, OWNER)) === text).toBe(true);
      const other = await vault.seal(bytes, sealOptions());
      const unsealed = await vault.unseal<Uint8Array>(other.id, OWNER);
      expect(bytes.equals(unsealed)).toBe(true);
    });
  });

  it("returns a copy: changing an unsealed payload changes nothing in the vault", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal({ list: [1] }, sealOptions());
      const first = await vault.unseal<{ list: number[] }>(id, OWNER);
      first.list.push(2);
      expect(await vault.unseal(id, OWNER)).toEqual({ list: [1] });
    });
  });

  it("leaves out members that are undefined, as JSON does", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal({ a: 1, b: undefined }, sealOptions());
      expect(await vault.unseal(id, OWNER)).toStrictEqual({ a: 1 });
    });
  });
}

function nested(depth: number): unknown {
  return depth === 0 ? "deep" : { list: [nested(Math.max(depth - 2, 0))] };
}

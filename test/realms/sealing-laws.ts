/** The laws of a vault under the globals of test runners and windows. */
import { describe, expect, it } from "vitest";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import { HandleVault, KeyRing, VaultCodec } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";

const PAYLOADS: readonly (readonly [name: string, data: unknown])[] = [
  ["JSON data", { ssn: "078-05-1120", visits: [1, 2.5, null, { open: true }] }],
  ["text", "naïve, 字"],
  ["a Uint8Array", Uint8Array.of(1, 2, 255)],
  ["a payload with a body of its own", ["x".repeat(100_000)]],
];
const TYPED = {
  born: new Date(0),
  map: new Map([[1, new Set(["a"])]]),
  bytes: Uint8Array.of(7, 8),
  floats: Float64Array.of(0.5),
  big: 10n,
  none: undefined,
};

/** Declares the tests of the laws; `globals` names the environment. */
export function describeSealing(globals: string): void {
  describe(`a vault under the globals of ${globals}`, () => {
    it("runs with the classes of a window as globals", () => {
      expect(typeof Reflect.get(globalThis, "document")).toBe("object");
    });

    it.each(PAYLOADS)("seals and opens %s without an option", async (_, data) => {
      await expectSealed(new HandleVault(), data);
    });

    it("accepts bytes of Node and of the window as a key", async () => {
      for (const key of [Buffer.alloc(32, 1), new Uint8Array(32).fill(1)]) {
        const keys = KeyRing.from({ current: "a", keys: { a: key } });
        await expectSealed(new HandleVault({ keys }), "sealed");
      }
    });

    it("seals and opens payloads of MessagePack", async () => {
      const codec = new VaultCodec({ serializer: messagePackSerializer() });
      await expectSealed(new HandleVault({ codec }), TYPED);
      const { id, vault } = await sealed(new HandleVault({ codec }), { node: Buffer.of(1, 2) });
      const opened = await vault.unseal<{ node: Uint8Array }>(id, OWNER);
      expect(Buffer.from(opened.node).toString("hex")).toBe("0102");
      await vault.close();
    });
  });
}

async function sealed(vault: HandleVault, data: unknown) {
  const { id } = await vault.seal(data, sealOptions());
  return { id, vault };
}

async function expectSealed(vault: HandleVault, data: unknown): Promise<void> {
  const { id } = await sealed(vault, data);
  expect(await vault.unseal(id, OWNER)).toEqual(data);
  await vault.close();
}

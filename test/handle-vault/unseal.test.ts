import { describe, expect, it } from "vitest";
import { HandleVault, lruCache } from "../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions, vaultWithClock } from "../support/vault.js";

const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;

describe("unseal", () => {
  it("returns the payload to the owner and to every grantee, any number of times", async () => {
    const vault = new HandleVault();
    const data = { list: [1, 2.5, "three"], nested: { deep: null } };
    const { id } = await vault.seal(data, sealOptions());
    for (const principal of [OWNER, GRANTEE, OWNER, GRANTEE]) {
      expect(await vault.unseal(id, principal)).toStrictEqual(data);
    }
  });

  it("refuses every other principal without revealing the access list", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const refusal = await vault.unseal(id, STRANGER).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "ERR_VAULT_HANDLE_ACCESS_DENIED" });
    expect(String(refusal)).not.toContain("example.org");
  });

  it.each([
    ["an unknown id", UNKNOWN_ID],
    ["an empty id", ""],
    ["an id with upper-case digits", `hdl_${"A".repeat(32)}`],
    ["an id that is too long", `${UNKNOWN_ID}0`],
    ["an id of another kind", `evt_${"0".repeat(32)}`],
  ])("finds nothing under %s", async (_, id) => {
    const vault = new HandleVault();
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
  });

  it("reports expired before denied, and denied before exhausted", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("once", sealOptions({ maxUses: 1, ttlSeconds: 10 }));
    await vault.unseal(id, OWNER);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXHAUSTED",
    });
    await expect(vault.unseal(id, STRANGER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
    clock.advanceSeconds(10);
    for (const principal of [OWNER, STRANGER]) {
      await expect(vault.unseal(id, principal)).rejects.toMatchObject({
        code: "ERR_VAULT_HANDLE_EXPIRED",
      });
    }
  });

  it("returns a new copy: changing it changes nothing in the vault", async () => {
    const vault = new HandleVault();
    const original = { rows: [{ name: "Ann" }] };
    const handle = await vault.seal(original, sealOptions());
    original.rows[0] = { name: "changed after sealing" };
    const first = await vault.unseal<{ rows: { name: string }[] }>(handle.id, OWNER);
    first.rows.length = 0;
    expect(await vault.unseal(handle.id, OWNER)).toStrictEqual({ rows: [{ name: "Ann" }] });

    const bytes = await vault.seal(new Uint8Array([1, 2, 3]), sealOptions());
    const unsealed = await vault.unseal<Uint8Array>(bytes.id, OWNER);
    expect(unsealed.buffer.byteLength).toBe(3);
    unsealed.fill(9);
    expect(await vault.unseal(bytes.id, OWNER)).toStrictEqual(new Uint8Array([1, 2, 3]));
  });

  it("reports evicted if a bounded cache dropped the record", async () => {
    const vault = new HandleVault({ cache: lruCache({ maxEntries: 1 }) });
    const first = await vault.seal("first", sealOptions());
    await vault.seal("second", sealOptions());
    await expect(vault.unseal(first.id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EVICTED",
    });
  });

  it.each([
    ["null", null],
    ["an empty text", ""],
    ["false", false],
    ["zero", 0],
    ["empty bytes", new Uint8Array(0)],
    ["an empty array", []],
    ["an empty object", {}],
    ["text beyond the basic plane", "héllo 😀 日本語"],
    ["a lone surrogate", "a\ud800b"],
    ["a member named __proto__", JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')],
    ["an integer beyond 2^53", [2 ** 53 + 2, -(2 ** 60), 1e308]],
    ["64 levels of arrays", nested(64)],
    ["a 16 MiB text", "x".repeat(16 * 2 ** 20)],
  ])("returns %s as it was", async (_, data) => {
    const vault = new HandleVault();
    const { id } = await vault.seal(data, sealOptions());
    expect(await vault.unseal(id, OWNER)).toStrictEqual(data);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("returns 16 MiB of bytes unchanged", async () => {
    const vault = new HandleVault();
    const data = new Uint8Array(16 * 2 ** 20).map((_, index) => index % 251);
    const { id } = await vault.seal(data, sealOptions());
    expect(Buffer.compare(await vault.unseal<Uint8Array>(id, OWNER), data)).toBe(0);
  });

  it("returns a Buffer as plain bytes", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal(Buffer.from("héllo"), sealOptions());
    const bytes = await vault.unseal<Uint8Array>(id, OWNER);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(new TextDecoder().decode(bytes)).toBe("héllo");
  });
});

function nested(levels: number): unknown {
  let value: unknown = "core";
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

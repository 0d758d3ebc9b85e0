import { describe, expect, it } from "vitest";
import { overriding } from "../support/failing-cache.js";
import {
  fernetEncryptor,
  generateFernetKey,
  generateKey,
  HandleVault,
  KeyRing,
  memoryCache,
  plaintextEncryptor,
  type RewrapReport,
  VaultCodec,
} from "../support/modules.js";
import { rotate } from "../support/rotation.js";
import { OWNER, sealOptions } from "../support/vault.js";

describe("rewrap", () => {
  it("moves every record to the current key, so that the old one can go", async () => {
    const { vault, ring, ids } = await vaultWithRecords(30);
    rotate(ring, "new", generateKey());
    const report = await vault.rewrap();
    expect(report).toMatchObject({ visited: 30, rewrapped: 30, failed: 0, keyUsage: { new: 30 } });
    ring.remove("old", { force: true });
    for (const id of ids) expect(await vault.unseal(id, OWNER)).toHaveLength(6000);
  });

  it("does not read or change bodies, and opens nothing", async () => {
    const { vault, ring, cache } = await vaultWithRecords(3);
    const bodiesBefore = await bodiesOf(cache);
    rotate(ring, "new", generateKey());
    await vault.rewrap();
    const bodiesAfter = await bodiesOf(cache);
    expect(bodiesAfter).toEqual(bodiesBefore);
  });

  it("does not change records that are under the current key", async () => {
    const { vault } = await vaultWithRecords(5);
    expect(await vault.rewrap()).toMatchObject({
      visited: 5,
      rewrapped: 0,
      failed: 0,
      keyUsage: { old: 5 },
    });
  });

  it("can be stopped and resumed, and adds up to the same report", async () => {
    const { vault, ring } = await vaultWithRecords(25);
    rotate(ring, "new", generateKey());
    let report: RewrapReport = await vault.rewrap({ limit: 10 });
    let calls = 1;
    while (report.cursor !== undefined) {
      report = await vault.rewrap({ limit: 10, cursor: report.cursor });
      calls += 1;
    }
    expect(calls).toBe(3);
    expect(report).toMatchObject({ visited: 25, rewrapped: 25, failed: 0, keyUsage: { new: 25 } });
  });

  it("pages through more records than one page holds", async () => {
    const cache = memoryCache();
    const ring = KeyRing.from({ current: "old", keys: { old: generateKey() } });
    const vault = new HandleVault({ cache, keys: ring });
    for (let count = 0; count < 2100; count++) await vault.seal(count, sealOptions());
    rotate(ring, "new", generateKey());
    const stopped = await vault.rewrap({ limit: 1500 });
    expect(stopped.rewrapped).toBe(1500);
    const { keyUsage } = await vault.rewrap({ cursor: stopped.cursor });
    expect(keyUsage).toEqual({ new: 2100 });
  });

  it("counts a record under the key that it names if that key is missing", async () => {
    const { vault, ring, cache } = await vaultWithRecords(4);
    rotate(ring, "new", generateKey());
    ring.remove("old", { force: true });
    await vault.seal("fresh", sealOptions());
    await cache.insert("not a record", { head: new Uint8Array(50) }, { purgeAfterMs: 1e6 });
    const report = await vault.rewrap();
    expect(report).toMatchObject({
      visited: 6,
      rewrapped: 0,
      failed: 5,
      keyUsage: { old: 4, new: 1 },
    });
  });

  it("reads again after a conflict with another write", async () => {
    const memory = memoryCache();
    let interruptions = 3;
    const cache = overriding(memory, {
      replace: (key, head, options) => {
        if (interruptions-- > 0) return "conflict";
        return memory.replace(key, head, options);
      },
    });
    const { vault, ring } = await vaultWithRecords(2, cache);
    rotate(ring, "new", generateKey());
    expect(await vault.rewrap()).toMatchObject({ rewrapped: 2, failed: 0, keyUsage: { new: 2 } });
  });

  it("skips records that are deleted during the run, and gives up on records that always change", async () => {
    const memory = memoryCache();
    let answer: "absent" | "conflict" = "absent";
    let isGone = false;
    const cache = overriding(memory, {
      replace: () => answer,
      get: (key) => (isGone ? undefined : memory.get(key)),
    });
    const { vault, ring } = await vaultWithRecords(1, cache);
    rotate(ring, "new", generateKey());
    expect(await vault.rewrap()).toMatchObject({ visited: 1, rewrapped: 0, failed: 0 });
    answer = "conflict";
    expect(await vault.rewrap()).toMatchObject({ visited: 1, rewrapped: 0, failed: 1 });
    isGone = true;
    expect(await vault.rewrap()).toMatchObject({ visited: 1, rewrapped: 0, failed: 0 });
  });

  it("counts a record that it could not write under the key it still needs", async () => {
    const memory = memoryCache();
    const cache = overriding(memory, {
      replace: () => {
        throw new Error("time-out");
      },
    });
    const { vault, ring } = await vaultWithRecords(2, cache);
    rotate(ring, "new", generateKey());
    const report = await vault.rewrap();
    expect(report).toMatchObject({ rewrapped: 0, failed: 2, keyUsage: { old: 2 } });
  });

  it("counts keys whose names are members of every object", async () => {
    const ring = KeyRing.from({
      current: "constructor",
      keys: { constructor: generateKey() },
    });
    const vault = new HandleVault({ keys: ring });
    await vault.seal("x", sealOptions());
    rotate(ring, "toString", generateKey());
    await vault.seal("y", sealOptions());
    const stopped = await vault.rewrap({ limit: 1 });
    expect(stopped).toMatchObject({ visited: 1, rewrapped: 1, keyUsage: { toString: 1 } });
    const { keyUsage } = await vault.rewrap({ cursor: stopped.cursor });
    expect(Object.entries(keyUsage)).toEqual([["toString", 2]]);
    expect("constructor" in keyUsage).toBe(false);
  });

  it("does not hide a programming error of an encryptor", async () => {
    const broken = {
      durable: true,
      encrypt: (plaintext: Uint8Array) => Uint8Array.from(plaintext),
      decrypt: (ciphertext: Uint8Array) => Uint8Array.from(ciphertext),
      keyIdOf: () => "k",
      rewrap: () => {
        throw new TypeError("not a vault error");
      },
    };
    const vault = new HandleVault({ codec: new VaultCodec({ encryptor: broken }) });
    await vault.seal("x", sealOptions());
    await expect(vault.rewrap()).rejects.toThrow("not a vault error");
  });

  it.each([
    ["Fernet", () => fernetEncryptor({ keys: [generateFernetKey()] })],
    ["plaintext", plaintextEncryptor],
  ])("is refused with %s, which has no wrapped keys", async (_, encryptor) => {
    const vault = new HandleVault({ codec: new VaultCodec({ encryptor: encryptor() }) });
    await expect(vault.rewrap()).rejects.toThrow(TypeError);
  });
});

describe("rotation under load", () => {
  it("loses no read", async () => {
    const { vault, ring, ids } = await vaultWithRecords(20);
    const reads: Promise<unknown>[] = [];
    for (let turn = 0; turn < 10; turn++) {
      reads.push(...ids.map((id) => vault.unseal(id, OWNER)));
      rotate(ring, `key-${turn}`, generateKey());
      reads.push(vault.rewrap());
      reads.push(vault.seal(turn, sealOptions()).then(({ id }) => vault.unseal(id, OWNER)));
    }
    const outcomes = await Promise.allSettled(reads);
    expect(outcomes.filter(({ status }) => status === "rejected")).toEqual([]);
    const { keyUsage } = await vault.rewrap();
    expect(Object.keys(keyUsage)).toEqual(["key-9"]);
  });
});

describe("a read in progress while its key is retired", () => {
  it("finds the record under its new key", async () => {
    const memory = memoryCache();
    let onTheWay: (() => Promise<void>) | undefined;
    const cache = overriding(memory, {
      get: async (key, options) => {
        const entry = await memory.get(key, options);
        const meanwhile = onTheWay;
        onTheWay = undefined;
        await meanwhile?.();
        return entry;
      },
    });
    const ring = KeyRing.from({ current: "old", keys: { old: generateKey() } });
    const sealing = new HandleVault({ cache, keys: ring });
    const { id } = await sealing.seal("moved", sealOptions());
    const reading = new HandleVault({ cache, keys: ring });
    onTheWay = async () => {
      rotate(ring, "new", generateKey());
      await sealing.rewrap();
      ring.remove("old", { force: true });
    };
    await expect(reading.unseal(id, OWNER)).resolves.toBe("moved");
    rotate(ring, "newer", generateKey());
    ring.remove("new", { force: true });
    const refused = { code: "ERR_VAULT_KEY_NOT_FOUND" };
    await expect(reading.unseal(id, OWNER)).rejects.toMatchObject(refused);
  });
});

async function vaultWithRecords(count: number, cache = memoryCache()) {
  const ring = KeyRing.from({ current: "old", keys: { old: generateKey() } });
  const vault = new HandleVault({ cache, keys: ring });
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    ids.push((await vault.seal("x".repeat(6000), sealOptions())).id);
  }
  return { vault, ring, cache, ids };
}

async function bodiesOf(cache: ReturnType<typeof memoryCache>): Promise<unknown[]> {
  const { entries } = await cache.scan();
  return Promise.all(entries.map(({ key }) => cache.getBody(key)));
}

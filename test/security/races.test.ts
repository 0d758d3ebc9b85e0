import { describe, expect, it } from "vitest";
import { overriding } from "../support/failing-cache.js";
import { HandleVault, KeyRing, memoryCache } from "../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../support/vault.js";

/** A gate that delays calls until it is opened. */
class Gate {
  #open: () => void = () => undefined;
  readonly #passed = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  async pass<T>(value: T): Promise<T> {
    await this.#passed;
    return value;
  }

  open(): void {
    this.#open();
  }
}

describe("a read that began before a write", () => {
  it("is not mistaken for a rollback if it ends after the write", async () => {
    const memory = memoryCache();
    const gate = new Gate();
    let isHeld = false;
    const cache = overriding(memory, {
      get: (key) => {
        const entry = memory.get(key);
        if (!isHeld) return entry;
        isHeld = false;
        return gate.pass(entry) as never;
      },
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions());
    isHeld = true;
    const unsealing = vault.unseal(id, OWNER);
    await Promise.resolve();
    await vault.grant(id, "another", { by: OWNER });
    gate.open();
    expect(await unsealing).toBe("secret");
  });

  it("of a limited handle still returns exactly as many payloads as allowed", async () => {
    const memory = memoryCache();
    let delay = 0;
    const cache = overriding(memory, {
      get: async (key) => {
        const entry = memory.get(key);
        for (let turn = delay++ % 7; turn > 0; turn--) await Promise.resolve();
        return entry;
      },
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 50 }));
    const calls = Array.from({ length: 70 }, () => vault.unseal(id, OWNER));
    const outcomes = await Promise.allSettled(calls);
    const codes = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "payload" : outcome.reason.code,
    );
    expect(codes.filter((code) => code === "payload")).toHaveLength(50);
    expect(new Set(codes)).toEqual(new Set(["payload", "ERR_VAULT_HANDLE_EXHAUSTED"]));
  });
});

describe("a late response", () => {
  it("does not restore an earlier state of the record", async () => {
    const memory = memoryCache();
    const keys = KeyRing.ephemeral();
    const gate = new Gate();
    let isHeld = true;
    const delaying = overriding(memory, {
      replace: (key, head, options) => {
        const outcome = memory.replace(key, head, options);
        if (!isHeld) return outcome;
        isHeld = false;
        return gate.pass(outcome) as never;
      },
    });
    const vault = new HandleVault({ cache: delaying, keys });
    const other = new HandleVault({ cache: memory, keys });
    const { id } = await vault.seal("secret", sealOptions({ grantedPrincipals: [] }));
    const granting = vault.grant(id, GRANTEE, { by: OWNER });
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    const granted = (await memory.scan()).entries[0];
    await other.revoke(id, GRANTEE, { by: OWNER });
    await expect(vault.unseal(id, GRANTEE)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
    gate.open();
    await granting;
    const current = (await memory.scan()).entries[0];
    const ifRevision = current?.revision ?? 0;
    await memory.replace(current?.key ?? "", granted?.head, { ifRevision });
    await expect(vault.unseal(id, GRANTEE)).rejects.toMatchObject({
      code: "ERR_VAULT_RECORD_INTEGRITY",
    });
  });
});

describe("a body that is removed between the reads of head and body", () => {
  const data = "x".repeat(9000);

  it("is not mistaken for damage if the handle was invalidated", async () => {
    const memory = memoryCache();
    const cache = overriding(memory, {
      getBody: async (key) => {
        await memory.delete(key);
        return memory.getBody(key);
      },
    });
    const vault = new HandleVault({ cache });
    for (const maxUses of [undefined, 2]) {
      const { id } = await vault.seal(data, sealOptions({ maxUses }));
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_HANDLE_NOT_FOUND",
      });
    }
  });

  it("is not mistaken for damage if another process took the last use", async () => {
    const memory = memoryCache();
    const keys = KeyRing.ephemeral();
    const other = new HandleVault({ cache: memory, keys });
    let id = "";
    const cache = overriding(memory, {
      getBody: async (key) => {
        await other.unseal(id, OWNER).catch(() => undefined);
        return memory.getBody(key);
      },
    });
    const vault = new HandleVault({ cache, keys });
    ({ id } = await vault.seal(data, sealOptions({ maxUses: 1 })));
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXHAUSTED",
    });
  });

  it("is damage if the record is unchanged", async () => {
    const cache = overriding(memoryCache(), { getBody: () => undefined });
    const vault = new HandleVault({ cache });
    for (const maxUses of [undefined, 2]) {
      const { id } = await vault.seal(data, sealOptions({ maxUses }));
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_RECORD_INTEGRITY",
      });
    }
  });
});

import { describe, expect, it } from "vitest";
import { asynchronous, overriding } from "../support/failing-cache.js";
import {
  type CacheBackend,
  HandleVault,
  KeyRing,
  memoryCache,
  OutcomeUnknownError,
} from "../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../support/vault.js";

const EXHAUSTED = { code: "ERR_VAULT_HANDLE_EXHAUSTED" };
const DENIED = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" };

const PAYLOADS = [
  ["a small payload", "secret"],
  ["a detached payload", "s".repeat(20_000)],
] as const;

describe.each(PAYLOADS)("maxUses with %s", (_, data) => {
  it.each([1, 2, 7])(
    "%i returns exactly that many payloads to any number of concurrent calls",
    async (maxUses) => {
      const vault = new HandleVault();
      const { id } = await vault.seal(data, sealOptions({ maxUses }));
      const outcomes = await race(() => vault.unseal(id, OWNER), 40);
      expect(outcomes.payloads).toEqual(Array.from({ length: maxUses }, () => data));
      expect(outcomes.codes).toEqual(new Set([EXHAUSTED.code]));
    },
  );

  it.each([
    ["a synchronous cache", (cache: CacheBackend) => cache],
    ["an asynchronous cache", asynchronous],
  ])("gives exactly as many when several vaults share %s", async (_name, wrap) => {
    const { vaults, owner } = await sharing(wrap(memoryCache()), 5);
    const { id } = await owner.seal(data, sealOptions({ maxUses: 3 }));
    let turn = 0;
    const outcomes = await race(() => (vaults[turn++ % 5] as HandleVault).unseal(id, OWNER), 60);
    expect(outcomes.payloads).toEqual([data, data, data]);
    expect(outcomes.codes).toEqual(new Set([EXHAUSTED.code]));
  });

  it("leaves no payload behind after the last use", async () => {
    const cache = memoryCache();
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal(data, sealOptions({ maxUses: 1 }));
    const before = await cache.scan();
    await vault.unseal(id, OWNER);
    const after = await cache.scan();
    expect(after.entries[0]?.head.length).toBeLessThan((before.entries[0]?.head.length ?? 0) + 1);
    expect(await cache.getBody(after.entries[0]?.key ?? "")).toBeUndefined();
    expect(await vault.getSafeView(id)).toBe("a payload");
    expect((await vault.describe(id, OWNER)).usesLeft).toBe(0);
  });
});

describe("maxUses", () => {
  it("is not counted for callers who are refused", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 1 }));
    const refused = await race(() => vault.unseal(id, STRANGER), 20);
    expect(refused.codes).toEqual(new Set([DENIED.code]));
    expect(await vault.unseal(id, GRANTEE)).toBe("secret");
  });

  it("is not counted if the body cannot be read", async () => {
    const memory = memoryCache();
    let isBroken = true;
    const cache = overriding(memory, {
      getBody: (key) => (isBroken ? new Uint8Array(3) : memory.getBody(key)),
    });
    const vault = new HandleVault({ cache });
    const data = "s".repeat(20_000);
    const { id } = await vault.seal(data, sealOptions({ maxUses: 1 }));
    const broken = vault.unseal(id, OWNER);
    await expect(broken).rejects.toMatchObject({ code: "ERR_VAULT_RECORD_INTEGRITY" });
    isBroken = false;
    expect(await vault.unseal(id, OWNER)).toBe(data);
  });

  it("returns no payload if it is unknown whether the use was counted", async () => {
    const cache = overriding(memoryCache(), {
      replace: () => {
        throw new Error("connection reset");
      },
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 2 }));
    const outcome = await vault.unseal(id, OWNER).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(OutcomeUnknownError);
    expect((outcome as Error).cause).toMatchObject({ message: "connection reset" });
  });

  it("survives grants and renewals", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 2 }));
    await vault.unseal(id, OWNER);
    await vault.renew(id, 1000, { by: OWNER });
    await vault.grant(id, STRANGER, { by: OWNER });
    expect(await vault.unseal(id, STRANGER)).toBe("secret");
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXHAUSTED);
    await vault.renew(id, 1000, { by: OWNER });
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXHAUSTED);
  });

  it("of a handle that is deleted during an unseal reports not found", async () => {
    const memory = memoryCache();
    const cache = overriding(memory, {
      replace: async (key, head, options) => {
        await memory.delete(key);
        return memory.replace(key, head, options);
      },
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 2 }));
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
  });

  it("gives up if every write conflicts", async () => {
    const cache = overriding(memoryCache(), { replace: () => "conflict" });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 2 }));
    const unavailable = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(unavailable);
    await expect(vault.renew(id, 5, { by: OWNER })).rejects.toMatchObject(unavailable);
    await expect(vault.invalidate(id, OWNER)).rejects.toMatchObject(unavailable);
  });
});

async function race(
  unseal: () => Promise<unknown>,
  callers: number,
): Promise<{ payloads: unknown[]; codes: Set<unknown> }> {
  const outcomes = await Promise.allSettled(Array.from({ length: callers }, unseal));
  const payloads: unknown[] = [];
  const codes = new Set<unknown>();
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") payloads.push(outcome.value);
    else codes.add(outcome.reason.code);
  }
  return { payloads, codes };
}

async function sharing(
  cache: CacheBackend,
  count: number,
): Promise<{ vaults: HandleVault[]; owner: HandleVault }> {
  const keys = KeyRing.ephemeral();
  const vaults = Array.from({ length: count }, () => new HandleVault({ cache, keys }));
  return { vaults, owner: vaults[0] as HandleVault };
}

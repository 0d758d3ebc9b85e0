import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { HandleVault, OpaqueHandle } from "../support/modules.js";
import { GRANTEE, OWNER, sealOptions, vaultWithClock } from "../support/vault.js";

describe("seal", () => {
  it("returns a frozen handle with principals, safe view and times", async () => {
    const { vault, clock } = vaultWithClock();
    const handle = await vault.seal("secret", sealOptions({ ttlSeconds: 90 }));
    expect(handle).toBeInstanceOf(OpaqueHandle);
    expect(handle.id).toMatch(/^hdl_[0-9a-f]{32}$/);
    expect(handle.safeView).toBe("a payload");
    expect(handle.ownerPrincipal).toBe(OWNER);
    expect(handle.grantedPrincipals).toEqual([GRANTEE]);
    expect(handle.createdAt).toEqual(new Date(clock.nowMs));
    expect(handle.expiresAt).toEqual(new Date(clock.nowMs + 90_000));
    expect(Object.isFrozen(handle)).toBe(true);
    expect(Object.isFrozen(handle.grantedPrincipals)).toBe(true);
  });

  it("returns a new Date object at each read of a date", async () => {
    const { vault, clock } = vaultWithClock();
    const handle = await vault.seal("secret", sealOptions());
    handle.expiresAt.setTime(0);
    expect(handle.expiresAt.getTime()).toBe(clock.nowMs + 300_000);
  });

  it("gives a handle a lifetime of 300 seconds by default", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions());
    clock.advanceSeconds(299.999);
    expect(await vault.unseal(id, OWNER)).toBe("secret");
    clock.advanceSeconds(0.001);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXPIRED",
    });
  });

  it("seals an expired handle when ttlSeconds is 0", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 0 }));
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXPIRED",
    });
  });

  it("never repeats an id in 10,000 seals", async () => {
    const vault = new HandleVault();
    const ids = new Set<string>();
    for (let count = 0; count < 10_000; count++) {
      ids.add((await vault.seal(count, sealOptions())).id);
    }
    expect(ids.size).toBe(10_000);
  });

  it("lists a grantee once, however often the options do", async () => {
    const vault = new HandleVault();
    const twice = sealOptions({ grantedPrincipals: [GRANTEE, OWNER, GRANTEE] });
    const handle = await vault.seal("secret", twice);
    expect(handle.grantedPrincipals).toEqual([GRANTEE, OWNER]);
  });

  it("does not follow the caller's array of grantees", async () => {
    const vault = new HandleVault();
    const granted = [GRANTEE];
    const handle = await vault.seal("secret", sealOptions({ grantedPrincipals: granted }));
    granted.push("late");
    expect(handle.grantedPrincipals).toEqual([GRANTEE]);
    expect(Object.isFrozen(granted)).toBe(false);
    await expect(vault.unseal(handle.id, "late")).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
  });

  it("keeps two vaults apart", async () => {
    const { id } = await new HandleVault().seal("secret", sealOptions());
    await expect(new HandleVault().unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
  });
});

describe("a handle", () => {
  it("becomes snake_case with UTC times and sorted grantees as JSON", async () => {
    const { vault } = vaultWithClock();
    const handle = await vault.seal("secret", sealOptions({ grantedPrincipals: ["b", "a"] }));
    expect(JSON.parse(JSON.stringify(handle))).toEqual({
      id: handle.id,
      safe_view: "a payload",
      owner_principal: OWNER,
      granted_principals: ["a", "b"],
      created_at: "2026-01-01T00:00:00.000Z",
      expires_at: "2026-01-01T00:05:00.000Z",
    });
  });

  it("prints neither id, principals nor safe view when it is logged", async () => {
    const { vault } = vaultWithClock();
    const handle = await vault.seal("secret", sealOptions());
    expect(inspect(handle)).toBe("OpaqueHandle { expiresAt: 2026-01-01T00:05:00.000Z }");
    expect(String(handle)).not.toContain(handle.id);
    const description = await vault.describe(handle.id, OWNER);
    expect(inspect(description)).toBe("HandleDescription { expiresAt: 2026-01-01T00:05:00.000Z }");
  });
});

describe("getSafeView", () => {
  it("returns the safe view to every caller until the handle expires", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("x".repeat(10_000), sealOptions({ ttlSeconds: 5 }));
    expect(await vault.getSafeView(id)).toBe("a payload");
    clock.advanceSeconds(5);
    await expect(vault.getSafeView(id)).rejects.toMatchObject({ code: "ERR_VAULT_HANDLE_EXPIRED" });
    await expect(vault.getSafeView("nope")).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
  });

  it("restores 4 KiB of UTF-8 unchanged", async () => {
    const vault = new HandleVault();
    const safeView = "é".repeat(2048);
    const { id } = await vault.seal("secret", sealOptions({ safeView }));
    expect(await vault.getSafeView(id)).toBe(safeView);
  });
});

describe("describe", () => {
  it("returns everything except the payload to owner and grantees", async () => {
    const { vault } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions({ maxUses: 3 }));
    await vault.unseal(id, OWNER);
    for (const principal of [OWNER, GRANTEE]) {
      const description = await vault.describe(id, principal);
      expect(description).toMatchObject({ id, ownerPrincipal: OWNER, usesLeft: 2 });
      expect(Object.isFrozen(description)).toBe(true);
      expect(description.toJSON()).toMatchObject({
        id,
        uses_left: 2,
        granted_principals: [GRANTEE],
      });
    }
  });

  it("returns null in JSON, and undefined in process, for no limit", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const description = await vault.describe(id, OWNER);
    expect(description.usesLeft).toBeUndefined();
    expect(description.toJSON().uses_left).toBeNull();
  });

  it("refuses other principals, and reports an expired handle first", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions());
    await expect(vault.describe(id, "stranger")).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
    clock.advanceSeconds(300);
    await expect(vault.describe(id, "stranger")).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXPIRED",
    });
  });
});

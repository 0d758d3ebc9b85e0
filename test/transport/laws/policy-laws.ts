import { expect, it } from "vitest";
import { HandleDescription, OpaqueHandle } from "../../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions, vaultWithClock } from "../../support/vault.js";
import { type VaultHarness, withVault } from "./harness.js";

const DENIED = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED", name: "HandleAccessDeniedError" };
const EXPIRED = { code: "ERR_VAULT_HANDLE_EXPIRED", name: "HandleExpiredError" };
const EXHAUSTED = { code: "ERR_VAULT_HANDLE_EXHAUSTED", name: "HandleExhaustedError" };
const NOT_FOUND = { code: "ERR_VAULT_HANDLE_NOT_FOUND", name: "HandleNotFoundError" };

/** The permissions on a handle, and their expiry. */
export function policyLaws(harness: VaultHarness): void {
  it("seals to a frozen handle with the requested properties", async () => {
    const { vault: behind, clock } = vaultWithClock();
    await withVault(
      harness,
      async (vault) => {
        const safeView = 'a "safe" view <&> 北京 🗝️';
        const handle = await vault.seal("secret", sealOptions({ safeView, ttlSeconds: 60 }));
        expect(handle).toBeInstanceOf(OpaqueHandle);
        expect(Object.isFrozen(handle)).toBe(true);
        expect(handle.id).toMatch(/^hdl_[0-9a-f]{32}$/);
        expect(handle).toMatchObject({
          safeView,
          ownerPrincipal: OWNER,
          grantedPrincipals: [GRANTEE],
          createdAt: new Date(clock.nowMs),
          expiresAt: new Date(clock.nowMs + 60_000),
        });
        expect(await vault.getSafeView(handle.id)).toBe(safeView);
      },
      behind,
    );
  });

  it("lives for 300 seconds and grants no principal by default", async () => {
    await withVault(harness, async (vault) => {
      const handle = await vault.seal("secret", { ownerPrincipal: OWNER, safeView: "" });
      expect(handle.expiresAt.getTime() - handle.createdAt.getTime()).toBe(300_000);
      expect(handle.grantedPrincipals).toEqual([]);
    });
  });

  it("opens only for the owner and the granted principals", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("secret", sealOptions());
      expect(await vault.unseal(id, OWNER)).toBe("secret");
      expect(await vault.unseal(id, GRANTEE)).toBe("secret");
      await expect(vault.unseal(id, STRANGER)).rejects.toMatchObject(DENIED);
      await expect(vault.describe(id, STRANGER)).rejects.toMatchObject(DENIED);
    });
  });

  it("describes a handle to its owner and grantees", async () => {
    await withVault(harness, async (vault) => {
      const handle = await vault.seal("secret", sealOptions({ maxUses: 3 }));
      await vault.unseal(handle.id, GRANTEE);
      const description = await vault.describe(handle.id, GRANTEE);
      expect(description).toBeInstanceOf(HandleDescription);
      expect(description.toJSON()).toEqual({ ...handle.toJSON(), uses_left: 2 });
      const unlimited = await vault.seal("secret", sealOptions());
      expect((await vault.describe(unlimited.id, OWNER)).usesLeft).toBeUndefined();
    });
  });

  it("grants and revokes for the owner alone", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("secret", sealOptions({ grantedPrincipals: [] }));
      await expect(vault.grant(id, STRANGER, { by: STRANGER })).rejects.toMatchObject(DENIED);
      const granted = await vault.grant(id, GRANTEE, { by: OWNER });
      expect(granted.grantedPrincipals).toEqual([GRANTEE]);
      expect(await vault.unseal(id, GRANTEE)).toBe("secret");
      await expect(vault.revoke(id, GRANTEE, { by: GRANTEE })).rejects.toMatchObject(DENIED);
      const revoked = await vault.revoke(id, GRANTEE, { by: OWNER });
      expect(revoked.grantedPrincipals).toEqual([]);
      await expect(vault.unseal(id, GRANTEE)).rejects.toMatchObject(DENIED);
    });
  });

  it("renews a live handle for the owner alone, and revives no expired one", async () => {
    const { vault: behind, clock } = vaultWithClock();
    await withVault(
      harness,
      async (vault) => {
        const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 10 }));
        await expect(vault.renew(id, 99, { by: GRANTEE })).rejects.toMatchObject(DENIED);
        clock.advanceSeconds(9.5);
        const renewed = await vault.renew(id, 0.5, { by: OWNER });
        expect(renewed.expiresAt).toEqual(new Date(clock.nowMs + 500));
        clock.advanceSeconds(0.5);
        await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
        await expect(vault.getSafeView(id)).rejects.toMatchObject(EXPIRED);
        await expect(vault.describe(id, OWNER)).rejects.toMatchObject(EXPIRED);
        await expect(vault.renew(id, 99, { by: OWNER })).rejects.toMatchObject(EXPIRED);
        await expect(vault.grant(id, STRANGER, { by: OWNER })).rejects.toMatchObject(EXPIRED);
      },
      behind,
    );
  });

  it("seals an expired handle when the lifetime is 0", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 0 }));
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
    });
  });

  it("invalidates for the owner or without a principal, any number of times", async () => {
    await withVault(harness, async (vault) => {
      const first = await vault.seal("secret", sealOptions());
      await expect(vault.invalidate(first.id, GRANTEE)).rejects.toMatchObject(DENIED);
      expect(await vault.unseal(first.id, GRANTEE)).toBe("secret");
      await vault.invalidate(first.id, OWNER);
      const second = await vault.seal("secret", sealOptions());
      await vault.invalidate(second.id);
      for (const { id } of [first, second]) {
        await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(NOT_FOUND);
        await expect(vault.getSafeView(id)).rejects.toMatchObject(NOT_FOUND);
        expect(await vault.invalidate(id)).toBeUndefined();
        expect(await vault.invalidate(id, STRANGER)).toBeUndefined();
      }
    });
  });

  it("hands a payload out as often as maxUses says, however many race for it", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("secret", sealOptions({ maxUses: 7 }));
      const attempts = Array.from({ length: 20 }, () => vault.unseal(id, OWNER));
      const settled = await Promise.allSettled(attempts);
      const given = settled.filter(({ status }) => status === "fulfilled");
      expect(given).toHaveLength(7);
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXHAUSTED);
    });
  });

  it("serves 20 callers at a time, each with its own payloads", async () => {
    await withVault(harness, async (vault) => {
      const callers = Array.from({ length: 20 }, async (_, caller) => {
        const owner = `${OWNER}/${caller}`;
        const data = { caller, text: "x".repeat(caller * 1000) };
        const { id } = await vault.seal(data, sealOptions({ ownerPrincipal: owner }));
        await vault.grant(id, STRANGER, { by: owner });
        expect(await vault.unseal(id, STRANGER)).toEqual(data);
        expect((await vault.describe(id, owner)).ownerPrincipal).toBe(owner);
        await vault.invalidate(id, owner);
        await expect(vault.unseal(id, owner)).rejects.toMatchObject(NOT_FOUND);
      });
      await Promise.all(callers);
    });
  });
}

import { describe, expect, it } from "vitest";
import { HandleVault, KeyRing, memoryCache } from "../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions, vaultWithClock } from "../support/vault.js";

const DENIED = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" };
const EXPIRED = { code: "ERR_VAULT_HANDLE_EXPIRED" };
const NOT_FOUND = { code: "ERR_VAULT_HANDLE_NOT_FOUND" };
const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;

describe.each([
  ["a small payload", "secret"],
  ["a detached payload", "s".repeat(20_000)],
])("with %s", (_, data) => {
  it("a grant lets one more principal unseal, and a revoke ends that", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal(data, sealOptions({ grantedPrincipals: [] }));
    const granted = await vault.grant(id, GRANTEE, { by: OWNER });
    expect(granted.grantedPrincipals).toEqual([GRANTEE]);
    expect(await vault.unseal(id, GRANTEE)).toBe(data);
    const revoked = await vault.revoke(id, GRANTEE, { by: OWNER });
    expect(revoked.grantedPrincipals).toEqual([]);
    await expect(vault.unseal(id, GRANTEE)).rejects.toMatchObject(DENIED);
    expect(await vault.unseal(id, OWNER)).toBe(data);
  });

  it("a renewal counts from now, and keeps the record from being purged", async () => {
    const clock = { elapsedMs: 0 };
    const cache = memoryCache({ elapsedMs: () => clock.elapsedMs });
    const { vault, clock: wall } = vaultWithClock({ cache });
    const { id } = await vault.seal(data, sealOptions({ ttlSeconds: 10 }));
    const renewed = await vault.renew(id, 1000, { by: OWNER });
    expect(renewed.expiresAt).toEqual(new Date(wall.nowMs + 1_000_000));
    clock.elapsedMs = 900_000;
    wall.advanceSeconds(900);
    expect(await vault.purgeExpired()).toBe(0);
    expect(await vault.unseal(id, OWNER)).toBe(data);
  });
});

describe("grant, revoke and renew", () => {
  it("are refused to everyone except the owner", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    for (const by of [GRANTEE, STRANGER]) {
      await expect(vault.grant(id, STRANGER, { by })).rejects.toMatchObject(DENIED);
      await expect(vault.revoke(id, GRANTEE, { by })).rejects.toMatchObject(DENIED);
      await expect(vault.renew(id, 1000, { by })).rejects.toMatchObject(DENIED);
    }
    expect(await vault.unseal(id, GRANTEE)).toBe("secret");
  });

  it("neither change nor revive an expired handle", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 10 }));
    clock.advanceSeconds(10);
    await expect(vault.renew(id, 1000, { by: OWNER })).rejects.toMatchObject(EXPIRED);
    await expect(vault.grant(id, STRANGER, { by: OWNER })).rejects.toMatchObject(EXPIRED);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
  });

  it("find nothing under an unknown or malformed id", async () => {
    const vault = new HandleVault();
    for (const id of [UNKNOWN_ID, "malformed"]) {
      await expect(vault.grant(id, GRANTEE, { by: OWNER })).rejects.toMatchObject(NOT_FOUND);
      await expect(vault.renew(id, 10, { by: OWNER })).rejects.toMatchObject(NOT_FOUND);
    }
  });

  it("may be repeated: a grant is not duplicated, and revoking an absent grant does nothing", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const again = await vault.grant(id, GRANTEE, { by: OWNER });
    expect(again.grantedPrincipals).toEqual([GRANTEE]);
    const without = await vault.revoke(id, STRANGER, { by: OWNER });
    expect(without.grantedPrincipals).toEqual([GRANTEE]);
  });

  it("keep the owner's access when the owner is revoked", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    await vault.revoke(id, OWNER, { by: OWNER });
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });

  it("a renewal can expire a handle now, but not earlier", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions());
    const ended = await vault.renew(id, 0, { by: OWNER });
    expect(ended.expiresAt).toEqual(new Date(clock.nowMs));
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
    await expect(vault.renew(id, -1, { by: OWNER })).rejects.toThrow(RangeError);
  });

  it("stop at 256 grants", async () => {
    const vault = new HandleVault();
    const grantedPrincipals = Array.from({ length: 256 }, (_, index) => `p${index}`);
    const { id } = await vault.seal("secret", sealOptions({ grantedPrincipals }));
    expect(await vault.unseal(id, "p255")).toBe("secret");
    await expect(vault.grant(id, "one more", { by: OWNER })).rejects.toThrow(RangeError);
    expect((await vault.grant(id, "p7", { by: OWNER })).grantedPrincipals).toHaveLength(256);
  });

  it("all take effect when they are made at the same time", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions({ grantedPrincipals: [] }));
    const names = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await Promise.all(names.map((name) => vault.grant(id, name, { by: OWNER })));
    const { grantedPrincipals } = await vault.describe(id, OWNER);
    expect(grantedPrincipals.toSorted()).toEqual(names.toSorted());
  });

  it("all take effect when two vaults of one cache make them at the same time", async () => {
    const { vault, other } = twoVaults();
    const { id } = await vault.seal("secret", sealOptions({ grantedPrincipals: [] }));
    const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
    await Promise.all(
      names.map((name, index) => (index % 2 ? vault : other).grant(id, name, { by: OWNER })),
    );
    const { grantedPrincipals } = await other.describe(id, OWNER);
    expect(grantedPrincipals.toSorted()).toEqual(names.toSorted());
  });
});

describe("invalidate", () => {
  it("deletes, and is not an error for an absent record", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    await vault.invalidate(id);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(NOT_FOUND);
    await expect(vault.getSafeView(id)).rejects.toMatchObject(NOT_FOUND);
    for (const gone of [id, UNKNOWN_ID, "malformed"]) {
      await expect(vault.invalidate(gone)).resolves.toBeUndefined();
      await expect(vault.invalidate(gone, OWNER)).resolves.toBeUndefined();
    }
  });

  it("on behalf of a principal, deletes only for the owner", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    await expect(vault.invalidate(id, GRANTEE)).rejects.toMatchObject(DENIED);
    expect(await vault.unseal(id, GRANTEE)).toBe("secret");
    await vault.invalidate(id, OWNER);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(NOT_FOUND);
  });

  it("deletes expired handles too", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 1 }));
    clock.advanceSeconds(1);
    await vault.invalidate(id, OWNER);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(NOT_FOUND);
  });
});

function twoVaults(): { vault: HandleVault; other: HandleVault } {
  const cache = memoryCache();
  const keys = KeyRing.ephemeral();
  return { vault: new HandleVault({ cache, keys }), other: new HandleVault({ cache, keys }) };
}

/**
 * Rollbacks: someone who can write to the store restores an earlier, genuine head of a record. A record alone
 * cannot prove that it is the newest (docs/record-format.md). These laws state how far the vault's memory of
 * newer revisions reaches.
 */
import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { codeThrownBy, INTEGRITY, thrownBy } from "../support/refusals.js";
import { OWNER, Scene, type SealedRecord } from "../support/sealed-scene.js";

const DENIED = "ERR_VAULT_HANDLE_ACCESS_DENIED";
const EXHAUSTED = "ERR_VAULT_HANDLE_EXHAUSTED";
const EXPIRED = "ERR_VAULT_HANDLE_EXPIRED";
const NOT_FOUND = "ERR_VAULT_HANDLE_NOT_FOUND";
const by = { by: OWNER } as const;

const unsealCode = (vault: HandleVault, record: SealedRecord, principal = OWNER) =>
  codeThrownBy(() => vault.unseal(record.handle.id, principal));

/** Every kind of rewrite of a head; the test restores the previous head afterwards. */
const REWRITES: Readonly<Record<string, (vault: HandleVault, id: string) => Promise<unknown>>> = {
  "a grant": (vault, id) => vault.grant(id, "auditor", by),
  "a revoke": (vault, id) => vault.revoke(id, "gateway", by),
  "a renewal": (vault, id) => vault.renew(id, 60, by),
  "a use": (vault, id) => vault.unseal(id, OWNER),
};
const OPTIONS = { grantedPrincipals: ["gateway"], maxUses: 3 } as const;

describe("an earlier head, in the process that wrote the newer one", () => {
  for (const [name, rewrite] of Object.entries(REWRITES)) {
    it(`is refused after ${name}, by every operation`, async () => {
      const scene = new Scene();
      const record = await scene.inline(OPTIONS);
      const { id } = record.handle;
      await rewrite(scene.vault, id);
      await scene.cache.overwrite(record.lookupId, record);
      const attempts = [
        () => scene.vault.unseal(id, OWNER),
        () => scene.vault.getSafeView(id),
        () => scene.vault.describe(id, OWNER),
        () => scene.vault.grant(id, "mallory", by),
        () => scene.vault.renew(id, 60, by),
        () => scene.vault.revoke(id, "gateway", by),
      ];
      for (const attempt of attempts) {
        const error = await thrownBy(attempt);
        expect(error).toMatchObject({ code: INTEGRITY, reason: "rolled-back" });
      }
    });

    it(`can be deleted after ${name}, by its owner and by a caller that names no principal`, async () => {
      for (const principal of [OWNER, undefined]) {
        const scene = new Scene();
        const record = await scene.inline(OPTIONS);
        await rewrite(scene.vault, record.handle.id);
        await scene.cache.overwrite(record.lookupId, record);
        const asStranger = () => scene.vault.invalidate(record.handle.id, "gateway");
        expect(await codeThrownBy(asStranger)).toBe(DENIED);
        await scene.vault.invalidate(record.handle.id, principal);
        expect(await unsealCode(scene.vault, record)).toBe(NOT_FOUND);
        expect(await unsealCode(scene.freshVault(), record)).toBe(NOT_FOUND);
      }
    });
  }

  it("is refused even if it is one rewrite old, and the newest is accepted again", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    const { id } = record.handle;
    await scene.vault.grant(id, "auditor", by);
    const second = await scene.cache.stored(record.lookupId);
    await scene.vault.revoke(id, "auditor", by);
    const third = await scene.cache.stored(record.lookupId);
    await scene.cache.overwrite(record.lookupId, second);
    expect(await unsealCode(scene.vault, record, "auditor")).toBe(INTEGRITY);
    await scene.cache.overwrite(record.lookupId, third);
    expect(await unsealCode(scene.vault, record)).toBe("no error");
    expect(await unsealCode(scene.vault, record, "auditor")).toBe(DENIED);
  });

  it("does not restore a spent use, with or without its former body", async () => {
    const scene = new Scene();
    const record = await scene.detached({ maxUses: 1 });
    await scene.vault.unseal(record.handle.id, OWNER);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(scene.vault, record)).toBe(INTEGRITY);
    await scene.cache.overwrite(record.lookupId, { head: record.head });
    expect(await unsealCode(scene.vault, record)).toBe(INTEGRITY);
  });

  it("stays not found after the handle was invalidated, by its owner or without a principal", async () => {
    for (const principal of [OWNER, undefined]) {
      const scene = new Scene();
      const record = await scene.inline();
      await scene.vault.invalidate(record.handle.id, principal);
      await scene.cache.overwrite(record.lookupId, record);
      expect(await unsealCode(scene.vault, record)).toBe(NOT_FOUND);
      expect(await codeThrownBy(() => scene.vault.getSafeView(record.handle.id))).toBe(NOT_FOUND);
    }
  });
});

describe("an earlier head that acceptRollback accepts", () => {
  it("is valid from then on, and still earlier ones are refused", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    const { handle, lookupId } = record;
    await scene.vault.grant(handle, "auditor", by);
    const second = await scene.cache.stored(lookupId);
    await scene.vault.revoke(handle, "auditor", by);
    await scene.cache.overwrite(lookupId, second);
    expect(await unsealCode(scene.vault, record, "auditor")).toBe(INTEGRITY);
    const accepted = await scene.vault.acceptRollback(handle);
    expect(accepted.grantedPrincipals).toEqual(["gateway", "auditor"]);
    expect(await unsealCode(scene.vault, record, "auditor")).toBe("no error");
    await scene.cache.overwrite(lookupId, record);
    expect(await unsealCode(scene.vault, record)).toBe(INTEGRITY);
  });

  it("can be changed, and is the newest afterwards", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    await scene.vault.renew(record.handle, 60, by);
    await scene.vault.renew(record.handle, 90, by);
    await scene.cache.overwrite(record.lookupId, record);
    await scene.vault.acceptRollback(record.handle);
    await scene.vault.revoke(record.handle, "gateway", by);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(scene.vault, record, "gateway")).toBe(INTEGRITY);
  });

  it("does not restore records that this process deleted, and they can be deleted again", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    await scene.vault.invalidate(record.handle, OWNER);
    await scene.cache.overwrite(record.lookupId, record);
    const accept = () => scene.vault.acceptRollback(record.handle);
    expect(await codeThrownBy(accept)).toBe(NOT_FOUND);
    expect(await unsealCode(scene.vault, record)).toBe(NOT_FOUND);
    await scene.vault.invalidate(record.handle, OWNER);
    expect(await unsealCode(scene.freshVault(), record)).toBe(NOT_FOUND);
  });

  it("must be genuine and exist", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    const accept = () => scene.vault.acceptRollback(record.handle);
    await scene.vault.renew(record.handle, 60, by);
    const altered = Buffer.from(record.head);
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
    await scene.cache.overwrite(record.lookupId, { head: altered });
    expect(await thrownBy(accept)).toMatchObject({ code: INTEGRITY, reason: undefined });
    await scene.cache.delete(record.lookupId);
    expect(await codeThrownBy(accept)).toBe(NOT_FOUND);
    expect(await codeThrownBy(() => scene.vault.acceptRollback("hdl_1"))).toBe(NOT_FOUND);
  });

  it("is unchanged if nothing was rolled back", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    await scene.vault.unseal(record.handle, OWNER);
    expect((await scene.vault.acceptRollback(record.handle)).usesLeft).toBe(2);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(scene.vault, record)).toBe(INTEGRITY);
  });
});

describe("the memory of a process", () => {
  it("covers the last 10,000 changed records, and no more", async () => {
    const scene = new Scene();
    const shared = { grantedPrincipals: ["gateway"] };
    const [first, second] = [await scene.inline(shared), await scene.inline(shared)];
    for (const { handle } of [first, second]) await scene.vault.revoke(handle.id, "gateway", by);
    for (let changed = 1; changed < 10_000; changed++) {
      const { id } = await scene.vault.seal(0, { ownerPrincipal: OWNER, safeView: "" });
      await scene.vault.invalidate(id);
    }
    for (const record of [first, second]) await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(scene.vault, first, "gateway")).toBe("no error");
    expect(await unsealCode(scene.vault, second, "gateway")).toBe(INTEGRITY);
  });
});

describe("an earlier head, in a process that only read the newer one", () => {
  it("is refused as in the process that wrote it", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    await scene.vault.revoke(record.handle.id, "gateway", by);
    const reader = scene.freshVault();
    await reader.getSafeView(record.handle.id);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(reader, record, "gateway")).toBe(INTEGRITY);
  });

  it("is still accepted after reading only the earlier one", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    const reader = scene.freshVault();
    await reader.getSafeView(record.handle.id);
    await scene.vault.revoke(record.handle.id, "gateway", by);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(reader, record, "gateway")).toBe("no error");
  });
});

describe("an earlier head, in a process that has seen no newer one", () => {
  it("is accepted: a revoked grantee has access again", async () => {
    const scene = new Scene();
    const record = await scene.inline({ grantedPrincipals: ["gateway"] });
    await scene.vault.revoke(record.handle.id, "gateway", by);
    expect(await unsealCode(scene.freshVault(), record, "gateway")).toBe(DENIED);
    await scene.cache.overwrite(record.lookupId, record);
    const fresh = scene.freshVault();
    expect(await fresh.unseal(record.handle.id, "gateway")).toBe(record.payload);
  });

  it("is accepted: a spent use is available again, if the body is restored, too", async () => {
    const scene = new Scene();
    const record = await scene.detached({ maxUses: 1 });
    await scene.vault.unseal(record.handle.id, OWNER);
    expect(await unsealCode(scene.freshVault(), record)).toBe(EXHAUSTED);
    await scene.cache.overwrite(record.lookupId, { head: record.head });
    expect(await unsealCode(scene.freshVault(), record)).toBe(INTEGRITY);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await scene.freshVault().unseal(record.handle.id, OWNER)).toBe(record.payload);
  });

  it("is accepted: an invalidated handle opens again", async () => {
    const scene = new Scene();
    const record = await scene.inline();
    await scene.vault.invalidate(record.handle.id);
    expect(await unsealCode(scene.freshVault(), record)).toBe(NOT_FOUND);
    await scene.cache.overwrite(record.lookupId, record);
    expect(await unsealCode(scene.freshVault(), record)).toBe("no error");
  });

  it("is accepted until its own expiry, and not a millisecond longer", async () => {
    const scene = new Scene();
    const record = await scene.inline({ ttlSeconds: 60 });
    await scene.vault.renew(record.handle.id, 3600, by);
    await scene.cache.overwrite(record.lookupId, record);
    const expiresAtMs = record.handle.expiresAt.getTime();
    const readAt = (nowMs: number) => {
      const { cache, keys } = scene;
      return unsealCode(new HandleVault({ cache, keys, clock: { now: () => nowMs } }), record);
    };
    expect(await readAt(expiresAtMs - 1)).toBe("no error");
    expect(await readAt(expiresAtMs)).toBe(EXPIRED);
    expect(await readAt(expiresAtMs + 3_000_000)).toBe(EXPIRED);
  });

  it("is refused once that process has seen the newer one", async () => {
    const scene = new Scene();
    const record = await scene.inline(OPTIONS);
    await scene.vault.grant(record.handle.id, "auditor", by);
    const newer = await scene.cache.stored(record.lookupId);
    await scene.cache.overwrite(record.lookupId, record);
    const fresh = scene.freshVault();
    expect(await codeThrownBy(() => fresh.getSafeView(record.handle.id))).toBe("no error");
    await scene.cache.overwrite(record.lookupId, newer);
    expect(await codeThrownBy(() => fresh.getSafeView(record.handle.id))).toBe("no error");
    await scene.cache.overwrite(record.lookupId, record);
    expect(await codeThrownBy(() => fresh.getSafeView(record.handle.id))).toBe(INTEGRITY);
  });
});

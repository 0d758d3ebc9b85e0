import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MUST_FAIL, untagged, VALID, vaultHolding } from "../support/record-vectors.js";
import { codeThrownBy } from "../support/refusals.js";

describe("the golden records that open", () => {
  it("are at least 20, of every form, and differ in name", () => {
    expect(VALID.length).toBeGreaterThanOrEqual(20);
    expect(new Set(VALID.map(({ name }) => name)).size).toBe(VALID.length);
    const forms = new Set(VALID.map(({ expected }) => expected.form));
    expect(forms).toEqual(new Set(["inline", "detached", "spent"]));
  });

  it("are stored under SHA-256 of their handle ids", () => {
    for (const { name, handleId, lookupId } of VALID) {
      expect(lookupId, name).toBe(hash("sha256", handleId, "base64url"));
    }
  });

  for (const vector of VALID) {
    const { name, comment, expected, handleId, principal } = vector;

    it(`have the fields that were sealed: ${name} (${comment})`, async () => {
      await using vault = await vaultHolding(vector);
      const handle = await vault.describe(handleId, principal);
      expect({
        ownerPrincipal: handle.ownerPrincipal,
        grantedPrincipals: handle.grantedPrincipals,
        createdAtMs: handle.createdAt.getTime(),
        expiresAtMs: handle.expiresAt.getTime(),
        usesLeft: handle.usesLeft ?? null,
        safeView: handle.safeView,
      }).toEqual({
        ownerPrincipal: expected.ownerPrincipal,
        grantedPrincipals: expected.grantedPrincipals,
        createdAtMs: expected.createdAtMs,
        expiresAtMs: expected.expiresAtMs,
        usesLeft: expected.usesLeft,
        safeView: expected.safeView,
      });
    });

    const { payload } = expected;
    if (payload === null) {
      it(`return nothing once they are spent: ${name}`, async () => {
        await using vault = await vaultHolding(vector);
        const code = await codeThrownBy(() => vault.unseal(handleId, principal));
        expect(code).toBe("ERR_VAULT_HANDLE_EXHAUSTED");
      });
    } else {
      it(`return the sealed payload: ${name}`, async () => {
        await using vault = await vaultHolding(vector);
        expect(await vault.unseal(handleId, principal)).toStrictEqual(untagged(payload));
      });
    }
  }
});

describe("the golden records that must fail", () => {
  it("are at least 200, and differ in name", () => {
    expect(MUST_FAIL.length).toBeGreaterThanOrEqual(200);
    expect(new Set(MUST_FAIL.map(({ name }) => name)).size).toBe(MUST_FAIL.length);
  });

  it("are each based on a record that opens", async () => {
    const bases = new Set(MUST_FAIL.map(({ base }) => base));
    for (const vector of VALID.filter(({ name }) => bases.has(name) && name !== "spent-detached")) {
      await using vault = await vaultHolding(vector);
      expect(await codeThrownBy(() => vault.unseal(vector.handleId, vector.principal))).toBe(
        "no error",
      );
    }
  });

  it("alter every byte of an inline and of a detached head", () => {
    for (const base of ["inline-json", "stored-4097"]) {
      const vector = VALID.find(({ name }) => name === base);
      const flips = MUST_FAIL.filter(({ name }) => new RegExp(`^${base}: byte .*head`).test(name));
      expect(flips.length).toBe((vector?.head.length ?? 0) / 2);
    }
  });

  for (const base of new Set(MUST_FAIL.map(({ base }) => base))) {
    const cases = MUST_FAIL.filter((candidate) => candidate.base === base);
    it(`give exactly their pinned error: ${cases.length} based on ${base}`, async () => {
      for (const mutation of cases) {
        await using vault = await vaultHolding(mutation);
        const code = await codeThrownBy(() => vault.unseal(mutation.handleId, mutation.principal));
        expect(code, mutation.name).toBe(mutation.error);
      }
    });
  }
});

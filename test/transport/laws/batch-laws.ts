import { expect, it } from "vitest";
import type { Outcome } from "../../../src/index.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../../support/vault.js";
import { type VaultHarness, withVault } from "./harness.js";

/** Batches have one outcome for each item, in order. */
export function batchLaws(harness: VaultHarness): void {
  it("seals and unseals 200 in their order, bytes among them", async () => {
    await withVault(harness, async (vault) => {
      const payloads = Array.from({ length: 200 }, (_, item) =>
        item % 3 === 0 ? Uint8Array.of(item) : item % 3 === 1 ? `text ${item}` : { item },
      );
      const sealed = await vault.sealMany(payloads.map((data) => ({ data, ...sealOptions() })));
      const requests = sealed.map((outcome) => ({
        id: successOf(outcome).id,
        requestingPrincipal: GRANTEE,
      }));
      expect(successOf(sealed[0]).grantedPrincipals).toEqual([GRANTEE]);
      expect((await vault.unsealMany(requests)).map(successOf)).toStrictEqual(payloads);
    });
  });

  it("gives every item the outcome it would have alone", async () => {
    await withVault(harness, async (vault) => {
      const sealed = await vault.sealMany([
        { data: "good", ...sealOptions() },
        { data: () => "bad payload", ...sealOptions() },
        { data: "bad option", ...sealOptions({ ttlSeconds: -1 }) },
        null as never,
        { data: "expired", ...sealOptions({ ttlSeconds: 0 }) },
      ]);
      expect(sealed.map(nameOf)).toEqual(["ok", "TypeError", "RangeError", "TypeError", "ok"]);
      const { id } = successOf(sealed[0]);
      const unsealed = await vault.unsealMany([
        { id, requestingPrincipal: STRANGER },
        { id, requestingPrincipal: OWNER },
        { id: "malformed", requestingPrincipal: OWNER },
        { id: `hdl_${"0".repeat(32)}`, requestingPrincipal: OWNER },
        { id, requestingPrincipal: "" },
        { id: successOf(sealed[4]).id, requestingPrincipal: OWNER },
      ]);
      expect(unsealed.map(nameOf)).toEqual([
        "HandleAccessDeniedError",
        "ok",
        "HandleNotFoundError",
        "HandleNotFoundError",
        "RangeError",
        "HandleExpiredError",
      ]);
      expect(successOf(unsealed[1])).toBe("good");
    });
  });

  it("does nothing with nothing", async () => {
    await withVault(harness, async (vault) => {
      expect(await vault.sealMany([])).toEqual([]);
      expect(await vault.unsealMany([])).toEqual([]);
    });
  });
}

function successOf<T>(outcome: Outcome<T> | undefined): T {
  if (outcome?.ok !== true) throw new Error("the item failed");
  return outcome.value;
}

function nameOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? "ok" : (outcome.error as Error).name;
}

import { expect, it } from "vitest";
import { HandleVault, SafeView } from "../../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { type VaultHarness, withVault } from "./harness.js";

const RECORD = { ssn: "123-45-6789", city: "Springfield" };
const LEAK = { code: "ERR_VAULT_SAFE_VIEW_LEAK", name: "SafeViewLeakError" };

/** How safe views are written, and how payloads are kept out of them. */
export function safeViewLaws(harness: VaultHarness): void {
  it("refuses a safe view that repeats a value, alone and among many", async () => {
    await withVault(harness, async (vault) => {
      const options = sealOptions({ safeView: "in Springfield" });
      await expect(vault.seal(RECORD, options)).rejects.toMatchObject(LEAK);
      const [leaking, other] = await vault.sealMany([
        { data: RECORD, ...options },
        { data: RECORD, ...sealOptions() },
      ]);
      expect(leaking).toMatchObject({ ok: false, error: LEAK });
      expect(other).toMatchObject({ ok: true });
    });
  });

  it("seals a value in its safe view where that is allowed, or the guard is off", async () => {
    await withVault(harness, async (vault) => {
      for (const leakGuard of [{ allow: ["/city"] }, { allow: ["/*"] }, "off"] as const) {
        const options = sealOptions({ safeView: "in Springfield", leakGuard });
        const { id } = await vault.seal(RECORD, options);
        expect(await vault.getSafeView(id)).toBe("in Springfield");
      }
      const elsewhere = sealOptions({ safeView: "in Springfield", leakGuard: { allow: ["/ssn"] } });
      await expect(vault.seal(RECORD, elsewhere)).rejects.toMatchObject(LEAK);
    });
  });

  it("adds the words that a seal allows to those that the vault allows", async () => {
    const behind = new HandleVault({ leakGuard: { allow: ["/city"] } });
    await withVault(
      harness,
      async (vault) => {
        const options = sealOptions({ safeView: "123-45-6789 in Springfield" });
        await expect(vault.seal(RECORD, options)).rejects.toMatchObject(LEAK);
        const { safeView } = await vault.seal(RECORD, {
          ...options,
          leakGuard: { allow: ["/ssn"] },
        });
        expect(safeView).toBe(options.safeView);
      },
      behind,
    );
  });

  it("stores a summarizer's text, allows the values that it shows, and checks the rest", async () => {
    await withVault(harness, async (vault) => {
      const context = { ownerPrincipal: OWNER, grantedPrincipals: [GRANTEE] };
      const summarizing = (summary: string) => ({
        ...context,
        summarizer: {
          summarize: async (data: unknown, given: unknown) => {
            expect([data, given]).toEqual([RECORD, context]);
            return new SafeView({ summary, shown: ["/city"] });
          },
        },
      });
      const { id } = await vault.seal(RECORD, summarizing("somebody in Springfield"));
      expect(await vault.getSafeView(id)).toBe("somebody in Springfield");
      await expect(vault.seal(RECORD, summarizing("123456789"))).rejects.toMatchObject(LEAK);
      const [outcome] = await vault.sealMany([{ data: RECORD, ...summarizing("in Springfield") }]);
      expect(outcome).toMatchObject({ ok: true, value: { safeView: "in Springfield" } });
    });
  });
}

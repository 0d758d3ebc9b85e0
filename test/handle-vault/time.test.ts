import { describe, expect, it, vi } from "vitest";
import { monotonicClock, systemClock } from "../../src/vault/clock.js";
import { HandleVault } from "../support/modules.js";
import { OWNER, sealOptions, vaultWithClock } from "../support/vault.js";

const EXPIRED = { code: "ERR_VAULT_HANDLE_EXPIRED" };

describe("time", () => {
  it("that jumps back by years revives nothing", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 60 }));
    clock.advanceSeconds(60);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
    clock.advanceSeconds(-10 * 365 * 86_400);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
    await expect(vault.renew(id, 60, { by: OWNER })).rejects.toMatchObject(EXPIRED);
  });

  it("that jumps back does not extend the lifetime of new handles", async () => {
    const { vault, clock } = vaultWithClock();
    await vault.seal("first", sealOptions());
    clock.advanceSeconds(-3600);
    const handle = await vault.seal("second", sealOptions({ ttlSeconds: 60 }));
    expect(handle.expiresAt.getTime()).toBe(clock.nowMs + 3_660_000);
  });

  it("that jumps ahead by years only expires handles early", async () => {
    const { vault, clock } = vaultWithClock();
    const { id } = await vault.seal("secret", sealOptions());
    clock.advanceSeconds(10 * 365 * 86_400);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(EXPIRED);
    const fresh = await vault.seal("fresh", sealOptions());
    expect(await vault.unseal(fresh.id, OWNER)).toBe("fresh");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -5, 8.64e15])(
    "of %d is refused as invalid",
    async (now) => {
      const vault = new HandleVault({ clock: { now: () => now } });
      await expect(vault.seal("secret", sealOptions())).rejects.toThrow(/^clock\.now\(\)/);
    },
  );

  it("is in whole milliseconds, whatever the clock returns", () => {
    expect(monotonicClock({ now: () => 1000.75 }).now()).toBe(1000);
  });
});

describe("the system's clock", () => {
  it("runs on when the wall clock is set back, and follows it when it is set ahead", () => {
    const wall = vi.spyOn(Date, "now");
    const elapsed = vi.spyOn(performance, "now");
    try {
      const at = (wallMs: number, elapsedMs: number) => {
        wall.mockReturnValue(wallMs);
        elapsed.mockReturnValue(elapsedMs);
        return clock.now();
      };
      const clock = systemClock();
      expect(at(1_000_000, 0)).toBe(1_000_000);
      expect(at(400_000, 500)).toBe(1_000_500);
      expect(at(5_000_000, 600)).toBe(5_000_000);
      expect(at(1_000_000, 700)).toBe(5_000_100);
    } finally {
      wall.mockRestore();
      elapsed.mockRestore();
    }
  });
});

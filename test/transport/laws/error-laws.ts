import { expect, it } from "vitest";
import type { Vault } from "../../../src/index.js";
import { toWireError } from "../../../src/transport/service/error-table.js";
import {
  HandleVault,
  lruCache,
  memoryCache,
  RateLimitedError,
  VaultCodec,
} from "../../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { vaultErrors } from "../../support/vault-errors.js";
import { rejectionOf, type VaultHarness, withVault } from "./harness.js";

const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;

/** Invalid calls, each with the id of a handle that exists. */
const MISTAKES: Readonly<Record<string, (vault: Vault, id: string) => Promise<unknown>>> = {
  "no owner": (vault) => vault.seal("x", { safeView: "x" } as never),
  "an empty owner": (vault) => vault.seal("x", sealOptions({ ownerPrincipal: "" })),
  "a control character": (vault) => vault.seal("x", sealOptions({ ownerPrincipal: "a\nb" })),
  "no safe view": (vault) => vault.seal("x", { ownerPrincipal: OWNER } as never),
  "a large safe view": (vault) => vault.seal("x", sealOptions({ safeView: "é".repeat(2049) })),
  "a negative lifetime": (vault) => vault.seal("x", sealOptions({ ttlSeconds: -1 })),
  "a lifetime of NaN": (vault) => vault.seal("x", sealOptions({ ttlSeconds: Number.NaN })),
  "no use": (vault) => vault.seal("x", sealOptions({ maxUses: 0 })),
  "half a use": (vault) => vault.seal("x", sealOptions({ maxUses: 1.5 })),
  "grants that are a text": (vault) =>
    vault.seal("x", sealOptions({ grantedPrincipals: "bob" as never })),
  "an unknown option": (vault) => vault.seal("x", { ...sealOptions(), maxUse: 1 } as never),
  "undefined data": (vault) => vault.seal(undefined, sealOptions()),
  "a date": (vault) => vault.seal({ when: [new Date(0)] }, sealOptions()),
  "a big integer": (vault) => vault.seal({ n: 1n }, sealOptions()),
  "minus zero": (vault) => vault.seal([-0], sealOptions()),
  "bytes within an object": (vault) => vault.seal({ b: new Uint8Array(1) }, sealOptions()),
  "a function": (vault) => vault.seal(() => "x", sealOptions()),
  "no principal to unseal for": (vault, id) => vault.unseal(id, undefined as never),
  "an empty principal to unseal for": (vault, id) => vault.unseal(id, ""),
  "a principal that is a number": (vault, id) => vault.describe(id, 5 as never),
  "an empty principal to invalidate for": (vault, id) => vault.invalidate(id, ""),
  "an empty principal to grant to": (vault, id) => vault.grant(id, "", { by: OWNER }),
  "a change by nobody": (vault, id) => vault.grant(id, GRANTEE, {} as never),
  "a change without options": (vault, id) => vault.revoke(id, GRANTEE, undefined as never),
  "a renewal for a text": (vault, id) => vault.renew(id, "10" as never, { by: OWNER }),
  "an unknown id": (vault) => vault.unseal(UNKNOWN_ID, OWNER),
  "a malformed id": (vault) => vault.unseal("hdl_1", OWNER),
  "an id that is a path": (vault) => vault.getSafeView("../../x"),
  "an id of the right length that is none": (vault) =>
    vault.describe(`hdl_${"/../?#%2e".padEnd(32, "é")}`, OWNER),
  "an id that is a number": (vault) => vault.unseal(5 as never, OWNER),
  "an unknown id to grant": (vault) => vault.grant(UNKNOWN_ID, GRANTEE, { by: OWNER }),
  "many things that are no list": (vault) => vault.sealMany("x" as never),
};

/** Every error is the same as in process. */
export function errorLaws(harness: VaultHarness): void {
  it.each(Object.entries(MISTAKES))("refuses %s as a vault in process does", async (_, mistake) => {
    const local = new HandleVault();
    const { id: localId } = await local.seal("x", sealOptions());
    const expected = await rejectionOf(mistake(local, localId));
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("x", sealOptions());
      const error = await rejectionOf(mistake(vault, id));
      expect(error.constructor).toBe(expected.constructor);
      expect(error.message).toBe(expected.message);
      expect(await vault.unseal(id, OWNER)).toBe("x");
    });
  });

  it("refuses the 257th grant", async () => {
    await withVault(harness, async (vault) => {
      const grantedPrincipals = Array.from({ length: 256 }, (_, index) => `p${index}`);
      const { id } = await vault.seal("x", sealOptions({ grantedPrincipals }));
      const error = await rejectionOf(vault.grant(id, "one more", { by: OWNER }));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toBe("handle must have at most 256 grants");
    });
  });

  it("says so when the cache is full, has evicted, or the payload is too large", async () => {
    const full = new HandleVault({ cache: memoryCache({ maxEntries: 1 }) });
    await withVault(
      harness,
      async (vault) => {
        await vault.seal("x", sealOptions());
        const code = "ERR_VAULT_CACHE_FULL";
        await expect(vault.seal("y", sealOptions())).rejects.toMatchObject({ code });
      },
      full,
    );
    const small = new HandleVault({
      cache: lruCache({ maxEntries: 1 }),
      codec: new VaultCodec({ maxPayloadBytes: 100 }),
    });
    await withVault(
      harness,
      async (vault) => {
        const { id } = await vault.seal("x", sealOptions());
        await vault.seal("y", sealOptions());
        const evicted = { code: "ERR_VAULT_HANDLE_EVICTED" };
        await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(evicted);
        const tooLarge = { code: "ERR_VAULT_PAYLOAD_TOO_LARGE" };
        await expect(vault.seal("z".repeat(101), sealOptions())).rejects.toMatchObject(tooLarge);
      },
      small,
    );
  });

  it("passes every error of the vault on unchanged", async () => {
    const behind = new HandleVault();
    let next: Error | undefined;
    behind.describe = async () => {
      throw next;
    };
    await withVault(
      harness,
      async (vault) => {
        const { id } = await vault.seal("x", sealOptions());
        for (const error of vaultErrors) {
          next = error;
          const received = await rejectionOf(vault.describe(id, OWNER));
          expect(received.constructor).toBe(error.constructor);
          expect(received).toMatchObject({ code: error.code });
          // For a missing package, a service states that the package is missing on its own machine.
          expect([error.message, toWireError(error).message]).toContain(received.message);
        }
        next = new RateLimitedError(7);
        const { code } = new RateLimitedError();
        await expect(vault.describe(id, OWNER)).rejects.toMatchObject({
          code,
          retryAfterSeconds: 7,
        });
      },
      behind,
    );
  });

  it("is closed once it was closed, and closing again is fine", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("x", sealOptions());
      await vault.close();
      await vault.close();
      const by = OWNER;
      const calls = [
        vault.seal("x", sealOptions()),
        vault.unseal(id, OWNER),
        vault.getSafeView(id),
        vault.describe(id, OWNER),
        vault.invalidate(id),
        vault.grant(id, GRANTEE, { by }),
        vault.revoke(id, GRANTEE, { by }),
        vault.renew(id, 1, { by }),
      ];
      for (const call of calls) {
        await expect(call).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
      }
      const [outcome] = await vault.unsealMany([{ id, requestingPrincipal: OWNER }]);
      expect(outcome).toMatchObject({ ok: false, error: { code: "ERR_VAULT_CLOSED" } });
    });
  });
}

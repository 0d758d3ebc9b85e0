import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import type { HandleReference, OpaqueHandle, Vault } from "../../../src/index.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../../support/vault.js";
import { rejectionOf, type VaultHarness, withVault } from "./harness.js";

const by = { by: OWNER };

type Call = (vault: Vault, handle: HandleReference) => Promise<unknown>;

/** Every method that takes a handle. */
const METHODS: Readonly<Record<string, Call>> = {
  unseal: (vault, handle) => vault.unseal(handle, GRANTEE),
  getSafeView: (vault, handle) => vault.getSafeView(handle),
  describe: (vault, handle) => vault.describe(handle, GRANTEE),
  grant: (vault, handle) => vault.grant(handle, STRANGER, by),
  revoke: (vault, handle) => vault.revoke(handle, STRANGER, by),
  renew: (vault, handle) => vault.renew(handle, 60, by),
  "invalidate as owner": (vault, handle) => vault.invalidate(handle, OWNER),
  invalidate: (vault, handle) => vault.invalidate(handle),
};

/** The forms in which callers may give a handle. */
const FORMS: readonly ((handle: OpaqueHandle) => HandleReference)[] = [
  ({ id }) => id,
  (handle) => handle,
  (handle) => JSON.parse(JSON.stringify(handle)),
  ({ id }) => runInNewContext("({ id })", { id }),
];

const ID = `hdl_${"0".repeat(32)}`;
/** Values that represent no handle. */
const NEITHER: readonly unknown[] = [
  undefined,
  null,
  5,
  Promise.resolve({ id: ID }),
  [ID],
  {},
  { id: "user-7" },
  { id: 5 },
  new String(ID),
  () => ID,
];

/** A handle and its id are equivalent. Any other value is an error, and never counts as success. */
export function referenceLaws(harness: VaultHarness): void {
  it.each(Object.entries(METHODS))("takes a handle for %s in every form", async (name, call) => {
    await withVault(harness, async (vault) => {
      for (const formOf of FORMS) {
        const handle = await vault.seal("secret", sealOptions());
        await call(vault, formOf(handle));
        const found = codeOf(vault.getSafeView(handle.id));
        const isGone = name.startsWith("invalidate");
        expect(await found).toBe(isGone ? "ERR_VAULT_HANDLE_NOT_FOUND" : "no error");
      }
    });
  });

  it.each(Object.entries(METHODS))(
    "refuses to %s a value that is not a handle",
    async (name, call) => {
      await withVault(harness, async (vault) => {
        for (const value of NEITHER) {
          const error = await rejectionOf(call(vault, value as HandleReference));
          expect(error).toBeInstanceOf(TypeError);
          expect(error.message).toBe("handle must be a handle or the id of one");
        }
        const malformed = await codeOf(call(vault, "hdl_1"));
        const isDone = name.startsWith("invalidate");
        expect(malformed).toBe(isDone ? "no error" : "ERR_VAULT_HANDLE_NOT_FOUND");
      });
    },
  );

  it("accepts handles in unsealMany, and reports a TypeError for each other value", async () => {
    await withVault(harness, async (vault) => {
      const handle = await vault.seal("secret", sealOptions());
      const ids: readonly unknown[] = [handle, handle.id, ...NEITHER];
      const outcomes = await vault.unsealMany(
        ids.map((id) => ({ id: id as HandleReference, requestingPrincipal: OWNER })),
      );
      const values = outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.error));
      expect(values.slice(0, 2)).toEqual(["secret", "secret"]);
      for (const error of values.slice(2)) {
        expect(error).toBeInstanceOf(TypeError);
        expect(error).toMatchObject({ message: "id must be a handle or the id of one" });
      }
    });
  });
}

function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "no error",
    (error: { code?: unknown }) => error.code,
  );
}

/** Handle references of a vault in this process, in addition to `test/transport/laws/reference-laws.ts`. */
import { describe, expect, it } from "vitest";
import { overriding } from "../support/failing-cache.js";
import { type HandleReference, HandleVault, handleIdOf, memoryCache } from "../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../support/vault.js";

const by = { by: OWNER };
const ID = `hdl_${"0".repeat(32)}`;

/** Returns a vault with a cache that records its calls. */
function watchedVault() {
  const memory = memoryCache();
  const asked: string[] = [];
  const cache = overriding(memory, {
    ready: () => {
      asked.push("ready");
      return memory.ready();
    },
    get: (key, options) => {
      asked.push("get");
      return memory.get(key, options);
    },
    delete: (key, options) => {
      asked.push("delete");
      return memory.delete(key, options);
    },
  });
  return { vault: new HandleVault({ cache }), asked };
}

describe("a value that is neither a handle nor an id", () => {
  it.each<[string, (vault: HandleVault, handle: HandleReference) => Promise<unknown>]>([
    ["unseal", (vault, handle) => vault.unseal(handle, GRANTEE)],
    ["getSafeView", (vault, handle) => vault.getSafeView(handle)],
    ["describe", (vault, handle) => vault.describe(handle, GRANTEE)],
    ["grant", (vault, handle) => vault.grant(handle, STRANGER, by)],
    ["revoke", (vault, handle) => vault.revoke(handle, STRANGER, by)],
    ["renew", (vault, handle) => vault.renew(handle, 60, by)],
    ["acceptRollback", (vault, handle) => vault.acceptRollback(handle)],
    ["invalidate", (vault, handle) => vault.invalidate(handle)],
  ])("is refused by %s before any work", async (_, call) => {
    const { vault, asked } = watchedVault();
    const refusal = call(vault, { id: "user-7" });
    await expect(refusal).rejects.toThrow(
      new TypeError("handle must be a handle or the id of one"),
    );
    expect(asked).toEqual([]);
  });
});

describe("acceptRollback", () => {
  it("accepts a handle or its id, and finds nothing under a malformed one", async () => {
    const { vault } = watchedVault();
    const handle = await vault.seal("secret", sealOptions());
    for (const form of [handle, handle.id]) {
      expect((await vault.acceptRollback(form)).id).toBe(handle.id);
    }
    const notFound = { code: "ERR_VAULT_HANDLE_NOT_FOUND" };
    await expect(vault.acceptRollback("hdl_1")).rejects.toMatchObject(notFound);
  });
});

describe("handleIdOf", () => {
  it("reads the id of a handle once, so that the checked id is the used one", () => {
    const ids = [ID, "swapped"];
    const handle = {
      get id() {
        return ids.shift() ?? "";
      },
    };
    expect(handleIdOf(handle)).toBe(ID);
    expect(ids).toEqual(["swapped"]);
  });

  it("uses the given name in its error", () => {
    expect(() => handleIdOf(undefined as never, "allow")).toThrow(/^allow must be a handle/);
  });
});

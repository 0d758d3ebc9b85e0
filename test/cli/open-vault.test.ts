import { chmodSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openVault } from "../../src/cli/open-vault.js";
import { readPolicyFile } from "../../src/cli/policy-file.js";
import { messageThrownBy } from "../support/refusals.js";
import { missingServer, startRespServer } from "../support/servers/resp-server.js";
import { fileOf, keyFile, newPath, sharedPolicy } from "./support/policies.js";

async function vaultOf(cache: string, keys: string) {
  const policy = fileOf(sharedPolicy(`{ cache: ${cache}, keys: { file: ${keys} } }`));
  return openVault(await readPolicyFile(policy));
}

/** Checks that a handle sealed in one vault of a policy opens in another. */
async function expectShared(cache: string): Promise<void> {
  const keys = keyFile();
  const [first, second] = [await vaultOf(cache, keys), await vaultOf(cache, keys)];
  try {
    const { id } = await first.seal({ a: 1 }, { ownerPrincipal: "o", safeView: "" });
    expect(await second.unseal(id, "o")).toEqual({ a: 1 });
  } finally {
    await first.close();
    await second.close();
  }
}

describe("the vault of a policy", () => {
  it.each(["sqlite", "lmdb"])("is shared by those who name the same file: %s", async (cache) => {
    await expectShared(`{ ${cache}: ${newPath("handles")} }`);
  });

  describe.each(["redis", "valkey"] as const)("%s", (product) => {
    it.skipIf(missingServer(product))("is shared by those who name the same server", async () => {
      const server = await startRespServer(product, { appendFsync: "always" });
      try {
        await expectShared(`{ ${product}: "redis://127.0.0.1:${server.port}" }`);
      } finally {
        await server.stop();
      }
    });
  });

  it.runIf(process.platform !== "win32")(
    "has keys that a container platform mounted, if the policy says so",
    async () => {
      const keys = keyFile();
      chmodSync(keys, 0o444);
      const cache = `{ sqlite: ${newPath("handles")} }`;
      await expect(vaultOf(cache, keys)).rejects.toThrow(/others can read the key file/);
      await expect(vaultOf(cache, `${keys}, mounted: false`)).rejects.toThrow(/others can read/);
      const vault = await vaultOf(cache, `${keys}, mounted: true`);
      const { id } = await vault.seal({ a: 1 }, { ownerPrincipal: "o", safeView: "" });
      expect(await vault.unseal(id, "o")).toEqual({ a: 1 });
      await vault.close();
      chmodSync(keys, 0o666);
      const refused = vaultOf(cache, `${keys}, mounted: true`);
      await expect(refused).rejects.toThrow(/others can write the mounted key file/);
    },
  );

  it("is rejected with an error that reveals neither its path, URL nor keys", async () => {
    for (const cache of ['{ redis: "no-url-pa55" }', '{ valkey: "redis://u:pa55@127.0.0.1:1" }']) {
      const message = await messageThrownBy(() => vaultOf(cache, keyFile()));
      expect(message).not.toContain("pa55");
    }
    const message = await messageThrownBy(() => vaultOf("{ sqlite: a.db }", fileOf("pa55")));
    expect(message).toMatch(/^the vault cannot be opened: KeyRing/);
    expect(message).not.toContain("pa55");
  });
});

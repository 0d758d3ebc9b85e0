/** Two copies of the package in one process, as if two dependencies of a program each have one. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { messagePackSerializer } from "../../src/codec/serializer/messagepack.js";
import type * as Library from "../../src/index.js";
import type * as McpLibrary from "../../src/mcp.js";
import type * as SafeViews from "../../src/safe-view.js";
import { codeThrownBy } from "../support/refusals.js";
import { OWNER, sealOptions } from "../support/vault.js";

const PROJECT = join(import.meta.dirname, "../..");
// Inside the project, so that peers are found as for an installed package.
mkdirSync(join(PROJECT, "reports"), { recursive: true });
const folder = mkdtempSync(join(PROJECT, "reports/copies-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Loads a copy of the built package. */
async function copy(name: string) {
  const root = join(folder, name, "dist");
  cpSync(join(PROJECT, "dist"), root, { recursive: true });
  const load = <Module>(file: string) =>
    import(/* @vite-ignore */ join(root, file)) as Promise<Module>;
  return {
    ...(await load<typeof Library>("index.js")),
    ...(await load<typeof SafeViews>("safe-view.js")),
    mcp: await load<typeof McpLibrary>("mcp.js"),
  };
}

const [one, two] = [await copy("one"), await copy("two")];

describe("two copies of the package", () => {
  it("are distinct", () => {
    expect(one.HandleVault).not.toBe(two.HandleVault);
    expect(new one.VaultCodec()).not.toBeInstanceOf(two.VaultCodec);
  });

  it("a vault of one works with codec, keys and cache of the other", async () => {
    const codec = new one.VaultCodec({
      compressor: one.deflateCompressor(),
      serializer: messagePackSerializer(),
      encryptor: one.aes256GcmEncryptor({ keys: one.KeyRing.ephemeral() }),
    });
    const keys = one.KeyRing.ephemeral();
    const options = [{ codec }, { codec: new one.VaultCodec(), keys }, { keys }];
    for (const parts of options) {
      const vault = new two.HandleVault({ ...parts, cache: one.memoryCache() });
      const { id } = await vault.seal({ list: ["x".repeat(9000)] }, sealOptions({ maxUses: 1 }));
      expect(await vault.unseal(id, OWNER)).toEqual({ list: ["x".repeat(9000)] });
      expect(await codeThrownBy(() => vault.unseal(id, OWNER))).toBe("ERR_VAULT_HANDLE_EXHAUSTED");
      await vault.close();
    }
  });

  it("a summarizer of one writes safe views for a vault of the other", async () => {
    const vault = new two.HandleVault();
    const summarizer = one.schemaSummarizer();
    const { safeView } = await vault.seal([1, 2, 3], { ownerPrincipal: OWNER, summarizer });
    expect(safeView).toContain("3 items");
    await vault.close();
  });

  it("a policy of one guards a server of the other", () => {
    const policy = new one.mcp.AgentPolicy({ servers: {} });
    const server = { connect: async () => undefined };
    const options = { vault: new one.HandleVault(), policy, server: "a", subjectOf: () => "agent" };
    expect(two.mcp.withVault(server, options)).toBe(server);
    const refused = { ...options, policy: { ...policy } as McpLibrary.AgentPolicy };
    expect(() => two.mcp.withVault({ ...server }, refused)).toThrow(
      "policy must be an AgentPolicy",
    );
  });

  it("an error of one is recognised by the other", async () => {
    const error = await new one.HandleVault()
      .unseal("none", OWNER)
      .catch((thrown: unknown) => thrown);
    expect(two.isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")).toBe(true);
    expect(error).not.toBeInstanceOf(two.VaultError);
  });

  it("an object that only resembles a codec is refused", () => {
    const codec = { ...new one.VaultCodec() } as Library.VaultCodec;
    expect(() => new two.HandleVault({ codec })).toThrow("codec must be a VaultCodec");
  });
});

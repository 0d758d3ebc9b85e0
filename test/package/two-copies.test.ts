/** Two copies of the library in one process, as when two packages depend on it: each takes the other's parts. */
import { runInNewContext } from "node:vm";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { tool } from "ai";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import * as aiSdk from "../../src/ai-sdk.js";
import * as library from "../../src/index.js";
import * as mcp from "../../src/mcp.js";
import { TemplateEngine } from "../../src/template.js";
import { isPromise } from "../../src/vault/maybe-promise.js";
import { OWNER, sealOptions } from "../support/vault.js";

const { HandleVault, isVaultError } = library;

let other: typeof library;
let otherMcp: typeof mcp;

beforeAll(async () => {
  vi.resetModules();
  other = await import("../../src/index.js");
  otherMcp = await import("../../src/mcp.js");
});

const POLICY = { servers: { desk: { tools: { lookup: { seal: "none" } } } } } as const;
const WRAPPING = { server: "desk", subjectOf: () => "alice", onWarning: () => undefined };

it("are two: what one makes is no instance of what the other has", () => {
  expect(other.HandleVault).not.toBe(HandleVault);
  expect(new otherMcp.AgentPolicy(POLICY)).not.toBeInstanceOf(mcp.AgentPolicy);
});

describe("a vault", () => {
  it("takes codec, encryptor, compressor, keys and cache of another copy", async () => {
    const keys = other.KeyRing.from({ current: "k", keys: { k: other.generateKey() } });
    const encryptor = other.aes256GcmEncryptor({ keys });
    const compressor = other.gzipCompressor();
    const ownCodec = new library.VaultCodec({ encryptor, compressor });
    const codecs = [
      new other.VaultCodec({ encryptor, compressor }),
      ownCodec,
      new other.VaultCodec(),
    ];
    for (const codec of codecs) {
      await using vault = new HandleVault({ codec, cache: other.memoryCache() });
      const data = { text: "x".repeat(9000) };
      const { id } = await vault.seal(data, sealOptions());
      expect(await vault.unseal(id, OWNER)).toEqual(data);
    }
    await using keyed = new HandleVault({ keys, cache: other.memoryCache() });
    const { id } = await keyed.seal("secret", sealOptions());
    expect(await keyed.unseal(id, OWNER)).toBe("secret");
  });

  it("takes handles and summaries of another copy, and fails with errors that it recognises", async () => {
    await using vault = new HandleVault();
    await using foreign = new other.HandleVault();
    const summarizer = { summarize: () => new other.SafeView({ summary: "a value" }) };
    const { ownerPrincipal } = sealOptions();
    const mine = await vault.seal("secret", { ownerPrincipal, summarizer });
    const theirs = await foreign.seal("secret", sealOptions());
    expect(mine.safeView).toBe("a value");
    expect(await foreign.unseal(theirs, OWNER)).toBe("secret");
    const error: unknown = await foreign.unseal(mine, OWNER).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(library.HandleNotFoundError);
    expect(isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")).toBe(true);
  });

  it("is opened by a template engine of another copy", async () => {
    await using foreign = new other.HandleVault();
    const handle = await foreign.seal("secret", sealOptions());
    const engine = new TemplateEngine(foreign);
    const options = { requestingPrincipal: OWNER, allow: [handle] };
    expect((await engine.hydrate(`{{${handle.id}}}`, options)).text).toBe("secret");
  });

  it("refuses what merely looks like a codec", () => {
    for (const codec of [{}, { pack: () => ({}) }, 5, null]) {
      expect(() => new HandleVault({ codec } as never)).toThrow(TypeError);
    }
  });
});

describe("a policy of another copy", () => {
  it("guards a server of the MCP SDK", async () => {
    await using vault = new HandleVault();
    const policy = new otherMcp.AgentPolicy(POLICY);
    const server = new McpServer({ name: "desk", version: "1" });
    const wrapped = mcp.withVault(server, { ...WRAPPING, vault, policy });
    const [transport] = InMemoryTransport.createLinkedPair();
    await wrapped.connect(transport);
    await wrapped.close();
  });

  it("guards the tools of an agent framework", async () => {
    await using vault = new HandleVault();
    const policy = new otherMcp.AgentPolicy({
      servers: { desk: { tools: { lookup: { seal: [{ at: "", safeView: { fixed: "it" } }] } } } },
    });
    const lookup = tool({ inputSchema: z.object({}), execute: async () => "123-45-6789" });
    const guard = { vault, policy, server: "desk", subjectOf: () => "alice" };
    const guarded = await aiSdk.guardTools({ lookup }, guard);
    const output = await guarded.lookup.execute?.({}, { toolCallId: "1", messages: [] });
    expect(JSON.stringify(output)).toContain("hdl_");
    expect(JSON.stringify(output)).not.toContain("6789");
  });

  it("is told from what merely has its members", async () => {
    await using vault = new HandleVault();
    const server = new McpServer({ name: "desk", version: "1" });
    const policy = { rulesOf: () => ({ handling: "pass" }), touches: () => false };
    for (const bad of [policy, {}, null, "policy"]) {
      const options = { ...WRAPPING, vault, policy: bad as never };
      expect(() => mcp.withVault(server, options)).toThrow("policy must be an AgentPolicy");
      const guard = { vault, policy: bad as never, server: "desk", subjectOf: () => "alice" };
      await expect(aiSdk.guardTools({}, guard)).rejects.toThrow("policy must be an AgentPolicy");
    }
  });
});

it("a server that one copy has wrapped is wrapped for the other", async () => {
  await using vault = new HandleVault();
  const server = new McpServer({ name: "desk", version: "1" });
  const options = { ...WRAPPING, vault, policy: new mcp.AgentPolicy(POLICY) };
  mcp.withVault(server, options);
  expect(() => otherMcp.withVault(server, options)).toThrow("wrapped already");
});

describe("parts of another realm", () => {
  const foreignRealm = {
    settle: <T>(value: library.MaybePromise<T>): Promise<T> =>
      runInNewContext("Promise.resolve(value)", { value }),
  };

  it("give promises that are waited for", async () => {
    expect(foreignRealm.settle(1)).not.toBeInstanceOf(Promise);
    expect(isPromise(foreignRealm.settle(1))).toBe(true);
    const keys = library.aes256GcmEncryptor({ keys: library.KeyRing.ephemeral() });
    const encryptor: library.Encryptor = {
      durable: false,
      encrypt: (bytes, context) => foreignRealm.settle(keys.encrypt(bytes, context)),
      decrypt: (bytes, context) => foreignRealm.settle(keys.decrypt(bytes, context)),
    };
    const codec = new library.VaultCodec({ encryptor });
    await using vault = new HandleVault({ codec });
    const { id } = await vault.seal("secret", sealOptions());
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });

  it("give bytes that are no part of a tool's arguments, and keys that digest", async () => {
    const key: Uint8Array = runInNewContext("new Uint8Array(32).fill(7)");
    expect(key).not.toBeInstanceOf(Uint8Array);
    expect(() => new mcp.HandleReuse({ key })).not.toThrow();
    await using vault = new HandleVault({ codec: new library.VaultCodec() });
    const policy = new mcp.AgentPolicy({
      servers: { desk: { tools: { use: { seal: "none", hydrate: [{ at: "/it" }] } } } },
    });
    const scope = { vault, policy, server: "desk", tool: "use", subject: "alice" };
    const bytes: Uint8Array = runInNewContext("Uint8Array.of(1, 2, 3)");
    vault.unsealMany = async <T>() => [{ ok: true, value: bytes as T }];
    const id = `hdl_${"0".repeat(32)}`;
    expect(await mcp.hydrateArguments({ it: id }, scope)).toMatchObject({ ok: false });
  });

  it("throw errors whose texts a model is told as those of its own", async () => {
    await using vault = new HandleVault();
    const policy = new mcp.AgentPolicy({
      servers: {
        desk: { tools: { fail: { errors: "pass", seal: "none", hydrate: [{ at: "/it" }] } } },
      },
    });
    const execute = async () => runInNewContext("throw new Error('the shop is closed')");
    const failing = tool({ inputSchema: z.object({ it: z.string() }), execute });
    const guard = { vault, policy, server: "desk", subjectOf: () => "alice" };
    const guarded = await aiSdk.guardTools({ fail: failing }, guard);
    const call = async () => guarded.fail.execute?.({ it: "" }, { toolCallId: "1", messages: [] });
    await expect(call()).rejects.toThrow("the shop is closed");
  });
});

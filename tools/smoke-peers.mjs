/**
 * A program that uses optional packages beside the packed library: `node smoke-peers.mjs NAME...` in a
 * project that has them. With `--outdated NAME...` each of those has to be refused for its version.
 * Plain JavaScript, since it runs as it is.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { HandleVault, VaultCodec } from "handlevault";

const SEALED = { ownerPrincipal: "owner", safeView: "a record" };
const TEXT = "a text that can be made shorter ".repeat(200);

/** Each uses one package as an application does. */
const USES = {
  "@langchain/core": async () => {
    const { guardTools } = await import("handlevault/langchain");
    const { DynamicStructuredTool } = await import("@langchain/core/tools");
    const schema = { type: "object", properties: { person: { type: "string" } } };
    const find = new DynamicStructuredTool({
      ...{ name: "find", description: "Finds a card.", schema },
      func: async () => "4242 4242 4242 4242",
    });
    const [guarded] = await guardTools([find], await guardOptions());
    assert.match(String(await guarded.invoke({ person: "Ada" })), /hdl_[0-9a-f]{32}/);
  },
  "@modelcontextprotocol/client": initializeOverHttp,
  "@modelcontextprotocol/node": initializeOverHttp,
  "@mongodb-js/zstd": async () => {
    const { zstdCompressor } = await import("handlevault/codec/compressor/zstd");
    await roundTrip({ compressor: zstdCompressor() }, TEXT);
  },
  ai: async () => {
    const { guardTools } = await import("handlevault/ai-sdk");
    const { jsonSchema, tool } = await import("ai");
    const inputSchema = jsonSchema({ type: "object", properties: {} });
    const find = tool({ description: "Finds a card.", inputSchema, execute: async () => "4242" });
    const guarded = await guardTools({ find }, await guardOptions());
    const output = await guarded.find.execute({}, { toolCallId: "1", messages: [], context: {} });
    assert.match(String(output), /hdl_[0-9a-f]{32}/);
  },
  "better-sqlite3": async () => {
    const { openSqliteCache } = await import("handlevault/cache/sqlite");
    await (await openSqliteCache(":memory:")).close();
  },
  hono: () => import("handlevault/transport/http/router"),
  ioredis: async () => {
    const { openRedisCache } = await import("handlevault/cache/redis");
    await (await openRedisCache("redis://127.0.0.1:1")).close();
  },
  jose: async () => {
    const { openJwtAuth } = await import("handlevault/auth");
    const key = randomBytes(32);
    const issued = { iss: "https://login.example.org", aud: "vault" };
    const auth = await openJwtAuth({ key, issuer: issued.iss, audience: issued.aud });
    const claims = { ...issued, sub: "owner", exp: Math.floor(Date.now() / 1000) + 60 };
    const parts = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    const signature = createHmac("sha256", key).update(parts.join(".")).digest("base64url");
    const bearerToken = [...parts, signature].join(".");
    assert.equal((await auth.authenticate({ bearerToken }))?.principal, "owner");
    assert.equal(await auth.authenticate({ bearerToken: `${bearerToken}A` }), undefined);
  },
  "lru-cache": async () => {
    const { lruCache } = await import("handlevault/cache/lru");
    const vault = new HandleVault({ cache: lruCache({ maxEntries: 1 }) });
    const first = await vault.seal("one", SEALED);
    const second = await vault.seal("two", SEALED);
    assert.equal(await vault.unseal(second.id, "owner"), "two");
    await assert.rejects(vault.unseal(first.id, "owner"), { name: "HandleEvictedError" });
  },
  "lz4-napi": async () => {
    const { lz4Compressor } = await import("handlevault/codec/compressor/lz4");
    await roundTrip({ compressor: lz4Compressor() }, TEXT);
  },
  msgpackr: async () => {
    const { messagePackSerializer } = await import("handlevault/codec/serializer/messagepack");
    const data = [2n ** 70n, new Map([[new Date(0), new Set([new Uint8Array([1])])]])];
    await roundTrip({ serializer: messagePackSerializer() }, data);
  },
  re2js: async () => {
    const { denyPatterns } = await import("handlevault/template");
    const rule = denyPatterns(["(?i)secret \\d+"]);
    assert.equal(await rule.accepts("SECRET 12"), false);
    assert.equal(await rule.accepts("no secret"), true);
  },
  yaml: () => initialize(startProxy(ECHO_SERVER)),
  zod: async () => {
    const { trustLocalCallers } = await import("handlevault/auth");
    const { VaultClient } = await import("handlevault/client");
    const { serveHttp } = await import("handlevault/transport/http");
    const server = await serveHttp(new HandleVault(), { auth: trustLocalCallers(), port: 0 });
    const client = VaultClient.http(`http://127.0.0.1:${server.address.port}`);
    try {
      const { id } = await client.seal({ a: [1, null] }, SEALED);
      assert.deepEqual(await client.unseal(id, "owner"), { a: [1, null] });
    } finally {
      await client.close();
      await server.stop();
    }
  },
};

async function roundTrip(stages, data) {
  const codec = new VaultCodec(stages);
  assert.deepEqual(await codec.decode(await codec.encode(data)), data);
}

async function guardOptions() {
  const { AgentPolicy } = await import("handlevault/mcp");
  const tools = { find: { seal: [{ at: "", safeView: () => "a card" }] } };
  const policy = new AgentPolicy({ servers: { shop: { tools } } });
  return { vault: new HandleVault(), policy, server: "shop", subjectOf: () => "ada" };
}

/** A server that has nothing, but answers `initialize`. */
const ECHO_SERVER = [
  "--",
  process.execPath,
  "-e",
  `require("node:readline").createInterface(process.stdin).on("line", (line) => {
    const { id } = JSON.parse(line);
    const serverInfo = { name: "echo", version: "1.0.0" };
    const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo };
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
  })`,
];

const TOKEN = "token".repeat(8);
const POLICY = {
  version: 1,
  vault: { cache: "memory" },
  servers: { echo: { tools: {} } },
};

/** What is left to do after the last use. */
const endings = [];

/** Starts the command before a server. */
function startProxy(server, policy = { ...POLICY, subject: "ada" }) {
  const folder = mkdtempSync(join(tmpdir(), "handlevault-smoke-"));
  writeFileSync(join(folder, "policy.yaml"), JSON.stringify(policy));
  const home = dirname(createRequire(import.meta.url).resolve("handlevault/package.json"));
  const command = [join(home, "dist/cli/main.js"), "mcp-proxy", "--server", "echo"];
  const args = [...command, "--policy", join(folder, "policy.yaml"), ...server];
  const env = { ...process.env, ADA_TOKEN: TOKEN };
  const proxy = spawn(process.execPath, args, { env });
  endings.push(() => {
    proxy.kill();
    rmSync(folder, { recursive: true });
  });
  return proxy;
}

/** Sends one request to a proxy, and ends it. */
async function initialize(proxy) {
  const errors = proxy.stderr.setEncoding("utf8").toArray();
  const clientInfo = { name: "smoke", version: "1.0.0" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const request = { jsonrpc: "2.0", id: 1, method: "initialize", params };
  proxy.stdin.end(`${JSON.stringify(request)}\n`);
  const [line] = await proxy.stdout.setEncoding("utf8").toArray();
  assert.ok(line, (await errors).join(""));
  assert.equal(JSON.parse(line).result?.serverInfo.name, "echo", line);
}

/** Two proxies: the one speaks Streamable HTTP to the other, which starts the server. */
async function initializeOverHttp() {
  const auth = { tokens: [{ env: "ADA_TOKEN", subject: "ada" }] };
  const listening = startProxy(["--listen", "0", ...ECHO_SERVER], { ...POLICY, auth });
  let printed = "";
  for await (const line of createInterface(listening.stderr)) {
    printed += line;
    const [, address] = /^listening on (\S+)$/.exec(line) ?? [];
    if (address === undefined) continue;
    await initialize(
      startProxy(["--url", `http://${address}/mcp`, "--url-token-env", "ADA_TOKEN"]),
    );
    return;
  }
  throw new Error(printed);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { outdated: { type: "string", multiple: true, default: [] } },
});
try {
  for (const name of positionals) await USES[name]();
  for (const name of values.outdated) {
    const message = / is installed in version \d.* which does not work: run "npm install /;
    await assert.rejects(USES[name], { message });
  }
} finally {
  for (const end of endings) end();
}
console.log(`work: ${positionals.join(" ")}; refused: ${values.outdated.join(" ")}`);

import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installPacked } from "../../tools/packed.js";

const PROJECT = join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
const entries: [string, { types: string; default: string }][] = Object.entries(
  manifest.exports,
).filter((entry): entry is [string, { types: string; default: string }] => {
  return typeof entry[1] === "object";
});
const peers = Object.keys(manifest.peerDependencies);

/** The entries, pinned: taking one away breaks whoever imports it. */
const ENTRIES = [
  ".",
  "./ai-sdk",
  "./auth",
  "./cache/lmdb",
  "./cache/lru",
  "./cache/redis",
  "./cache/sqlite",
  "./cache/valkey",
  "./client",
  "./codec/compressor/lz4",
  "./codec/compressor/zstd",
  "./codec/encryptor/fernet",
  "./codec/serializer/messagepack",
  "./errors",
  "./langchain",
  "./mcp",
  "./safe-view",
  "./template",
  "./testing",
  "./transport/http",
  "./transport/http/router",
  "./transport/json-rpc",
  "./transport/xml-rpc",
];

const POLICY = `version: 1
vault: { cache: memory }
subject: alice
servers: { pinged: { tools: {} } }
`;
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
/** Before a server that answers one request. */
const PROXY = [
  ...["mcp-proxy", "--policy", "policy.yaml", "--server", "pinged", "--", process.execPath, "-e"],
  `process.stdin.once("data", (line) => {
    const { id } = JSON.parse(line);
    console.log(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
  })`,
];

/** The routes for web applications: a Hono, made at once. */
const ROUTER = "./transport/http/router";

const JWT_USE = `await m.openJwtAuth({
  key: new Uint8Array(32), algorithms: ["HS256"], issuer: "i", audience: "a"
})`;

describe("the package", () => {
  it("has exactly the pinned entries, each the path of its source", () => {
    expect(entries.map(([entry]) => entry)).toEqual(ENTRIES);
    for (const [entry, { types, default: code }] of entries) {
      const path = entry === "." ? "index" : entry.slice(2);
      expect(code).toBe(`./dist/${path}.js`);
      expect(types).toBe(`./dist/${path}.d.ts`);
      expect(existsSync(join(PROJECT, `src/${path}.ts`))).toBe(true);
    }
  });

  it("depends on nothing", () => {
    expect(manifest.dependencies).toBeUndefined();
  });

  it("imports nothing at its root but itself and Node", () => {
    const outside = importsOf(join(PROJECT, "dist/index.js"));
    expect(outside.filter((name) => !name.startsWith("node:"))).toEqual([]);
    expect(outside).toContain("node:crypto");
  });

  it.each(entries)(
    "names no peer in what %s declares, but for Hono's own routes",
    (entry, files) => {
      const reached = declarationsFrom(join(PROJECT, files.types));
      const declared = [...reached].map((file) => withoutComments(readFileSync(file, "utf8")));
      const named = peers.filter((peer) => {
        const naming = new RegExp(`(from|import\\() ?"${peer}"`);
        return declared.some((text) => naming.test(text));
      });
      expect(named).toEqual(entry === ROUTER ? ["hono"] : []);
    },
  );
});

describe("the packed package, with no peer installed", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "handlevault-packed-"));
    installPacked(directory);
  }, 60_000);

  afterAll(() => rmSync(directory, { recursive: true }));

  function run(code: string): string {
    writeFileSync(join(directory, "program.mjs"), code);
    return execFileSync(process.execPath, ["program.mjs"], { cwd: directory, encoding: "utf8" });
  }

  function install(peer: string, code: string, version?: string): void {
    const folder = join(directory, "node_modules", peer);
    mkdirSync(folder, { recursive: true });
    const entries = { ".": "./index.js", "./v4": "./index.js" };
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: peer, version, type: "module", exports: entries }),
    );
    writeFileSync(join(folder, "index.js"), code);
  }

  it("seals and unseals", () => {
    const output = run(`
      import { HandleVault } from "handlevault";
      const vault = new HandleVault();
      const { id } = await vault.seal({ a: 1 }, { ownerPrincipal: "o", safeView: "" });
      console.log(JSON.stringify(await vault.unseal(id, "o")));
    `);
    expect(output).toBe('{"a":1}\n');
  });

  it("can be imported at every entry but the routes that are Hono's own", () => {
    const imports = ENTRIES.filter((entry) => entry !== ROUTER).map(
      (entry) => `await import("${join("handlevault", entry)}");`,
    );
    expect(run(`${imports.join("\n")} console.log("all imported");`)).toBe("all imported\n");
  });

  it("lets Node say that Hono's own routes need hono", () => {
    const output = run(`await import("${join("handlevault", ROUTER)}").catch((error) => {
      console.log(error.code, error.message);
    });`);
    expect(output).toMatch(/^ERR_MODULE_NOT_FOUND Cannot find package 'hono'/);
  });

  it.each(["http", "json-rpc", "xml-rpc"])("listens nowhere over %s without zod", (wire) => {
    const serve = { http: "serveHttp", "json-rpc": "serveJsonRpc", "xml-rpc": "serveXmlRpc" }[wire];
    const output = run(`
      import { createServer } from "node:net";
      import { HandleVault } from "handlevault";
      import { trustLocalCallers } from "handlevault/auth";
      import { ${serve} as serve } from "handlevault/transport/${wire}";
      const probe = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => probe.once("listening", resolve));
      const { port } = probe.address();
      await new Promise((resolve) => probe.close(resolve));
      const options = { auth: trustLocalCallers(), port };
      await serve(new HandleVault(), options).catch((error) => console.log(error.code, error.peer));
      await fetch("http://127.0.0.1:" + port).catch((error) => console.log(error.cause.code));
    `);
    expect(output).toBe("ERR_VAULT_PEER_MISSING zod\nECONNREFUSED\n");
  });

  it.each([
    ["http", "url"],
    ["rpc", "url"],
    ["socket", "{ port }"],
  ])("sends nothing by VaultClient.%s without zod", (connect, address) => {
    const output = run(`
      import { createServer } from "node:net";
      import { VaultClient } from "handlevault/client";
      let connections = 0;
      const server = createServer((socket) => { connections++; socket.destroy(); });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address();
      const url = "http://127.0.0.1:" + port;
      const vault = VaultClient.${connect}(${address});
      const options = { ownerPrincipal: "o", safeView: "" };
      await vault.seal("secret", options).catch((error) => console.log(error.code, error.peer));
      await vault.close();
      server.close();
      console.log(connections);
    `);
    expect(output).toBe("ERR_VAULT_PEER_MISSING zod\n0\n");
  });

  it("answers by a handler that zod is missing", () => {
    const output = run(`
      import { HandleVault } from "handlevault";
      import { trustLocalCallers } from "handlevault/auth";
      import { httpHandler } from "handlevault/transport/http";
      const handle = httpHandler(new HandleVault(), { auth: trustLocalCallers() });
      const request = new Request("http://localhost/health");
      const response = await handle(request, { isLocal: true });
      console.log(response.status, (await response.json()).code);
    `);
    expect(output).toBe("500 ERR_VAULT_PEER_MISSING\n");
  });

  const USES = [
    ["lru-cache", "cache/lru", "await m.lruCache({ maxEntries: 1 }).ready()"],
    ["lz4-napi", "codec/compressor/lz4", "await m.lz4Compressor().ready()"],
    ["msgpackr", "codec/serializer/messagepack", "await m.messagePackSerializer().ready()"],
    ["zod", "client", "await m.VaultClient.http('http://127.0.0.1:1').health()"],
    ["jose", "auth", JWT_USE],
    ...("zstdCompress" in process.getBuiltinModule("node:zlib")
      ? []
      : [["@mongodb-js/zstd", "codec/compressor/zstd", "await m.zstdCompressor().ready()"]]),
    ["re2js", "template", 'await m.denyPatterns(["x"]).accepts("x")'],
  ] as [string, string, string][];

  it.each(USES)("says which command installs %s", (peer, entry, use) => {
    const output = run(attempt(entry, use));
    expect(output).toMatch(/^ERR_VAULT_PEER_MISSING/);
    expect(output).toContain(`"npm install ${peer}"`);
  });

  it.each(USES)("tells a broken %s from an absent one, and keeps the cause", (peer, entry, use) => {
    // What is imported by name has to be there for the module to be run at all.
    install(peer, 'export const z = {}; throw new Error("native build failed");');
    const output = run(attempt(entry, use));
    expect(output).toMatch(/^ERR_VAULT_PEER_BROKEN/);
    expect(output).toContain(`"npm rebuild ${peer}"`);
    expect(output).toContain("cause: native build failed");
  });

  it.each(USES)("refuses a %s that is too old before its code runs", (peer, entry, use) => {
    install(peer, 'console.log("it ran"); export const z = {};', "0.0.1");
    const output = run(attempt(entry, use));
    expect(output).toMatch(/^ERR_VAULT_PEER_BROKEN/);
    expect(output).toContain("is installed in version 0.0.1, which does not work");
  });

  it("calls a peer broken that is there but lacks a package of its own", () => {
    install("msgpackr", 'import "not-installed-either";');
    const [, entry, use] = USES[2] as [string, string, string];
    expect(run(attempt(entry, use))).toMatch(/^ERR_VAULT_PEER_BROKEN/);
  });

  it.each([
    ["ai", "ai-sdk", "{}"],
    ["@langchain/core", "langchain", "[]"],
  ])("says which command installs %s, for tools of agents", (peer, entry, tools) => {
    const vault = 'new (await import("handlevault")).HandleVault()';
    const policy = 'new (await import("handlevault/mcp")).AgentPolicy({ servers: {} })';
    const options = `{ vault: ${vault}, policy: ${policy}, server: "desk", subjectOf: () => "alice" }`;
    const output = run(attempt(entry, `await m.guardTools(${tools}, ${options})`));
    expect(output).toMatch(/^ERR_VAULT_PEER_MISSING/);
    expect(output).toContain(`"npm install ${peer}"`);
  });
});

describe("the packed command", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "handlevault-command-"));
    installPacked(directory);
    const { handlevault } = manifest.bin;
    const target = join(directory, "node_modules/handlevault", handlevault);
    chmodSync(target, 0o755);
    mkdirSync(join(directory, "node_modules/.bin"));
    symlinkSync(target, join(directory, "node_modules/.bin/handlevault"));
    writeFileSync(join(directory, "policy.yaml"), POLICY);
  }, 60_000);

  afterAll(() => rmSync(directory, { recursive: true }));

  /** Runs the command through a link, as npx does, with one message to pass on. */
  function command(args: readonly string[]) {
    const bin = join(directory, "node_modules/.bin/handlevault");
    return spawnSync(bin, args, { cwd: directory, encoding: "utf8", input: PING });
  }

  it("says what it is, and which packages it needs", () => {
    expect(command(["--version"])).toMatchObject({ status: 0, stdout: `${manifest.version}\n` });
    expect(command(["--help"]).stdout).toContain("mcp-proxy");
    expect(command(["mcp-proxy"])).toMatchObject({ status: 2, stdout: "" });
    expect(command(PROXY).stderr).toContain('"npm install yaml"');
  });

  it("stands before a server, once those packages are there", () => {
    for (const name of ["yaml", "zod"]) {
      // Copies, not links: what is written here must never reach the project's own packages.
      const target = join(directory, "node_modules", name);
      cpSync(join(PROJECT, "node_modules", name), target, { recursive: true, dereference: true });
    }
    const { status, stdout, stderr } = command(PROXY);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: {} });
  });
});

function attempt(entry: string, use: string): string {
  return `
    const m = await import("handlevault/${entry}");
    try { ${use}; } catch (error) {
      console.log(error.code, error.peer, error.message, "cause:", error.cause?.message);
    }
  `;
}

/** Returns the packages that a module imports, itself or through others of ours. */
function importsOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports =
    /^(?:import|export)\b[^"=]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  const names = [...readFileSync(file, "utf8").matchAll(imports)];
  return names.flatMap(([, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic ?? "";
    return name.startsWith(".") ? importsOf(join(dirname(file), name), seen) : [name];
  });
}

function declarationsFrom(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)"/g)) {
    declarationsFrom(join(dirname(file), name.replace(/\.js$/, ".d.ts")), seen);
  }
  return seen;
}

/** Examples in comments name what their readers import. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, "");
}

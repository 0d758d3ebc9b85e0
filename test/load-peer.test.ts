import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { loadPeer } from "../src/load-peer.js";
import { PEER_VERSIONS } from "../src/peer-versions.js";
import { runInOwnProcess } from "./support/own-process.js";
import { thrownBy } from "./support/refusals.js";

interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly peer: string;
  readonly message: string;
  readonly cause: string;
}

/** A folder with the library, and with packages that are broken in the ways packages are. */
const folder = mkdtempSync(join(tmpdir(), "handlevault-peers-"));
cpSync(join(import.meta.dirname, "../src"), join(folder, "src"), { recursive: true });
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function installPackage(
  name: string,
  files: Record<string, string>,
  { version = "1.0.0", exports }: { version?: string; exports?: object } = {},
): void {
  const home = join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  const manifest = { name, version, type: "module", main: "index.js", exports };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(home, file), text);
}

const broken: Record<string, Record<string, string>> = {
  "lacks-a-dependency": { "index.js": 'import "not-installed-either";' },
  "@scope/lacks-a-dependency": { "index.js": 'import "not-installed-either";' },
  "lacks-a-file": { "index.js": 'import "./native-binding.js";' },
  "lacks-its-main": {},
  "throws-at-once": { "index.js": 'throw new Error("wrong ELF class");' },
  "does-not-parse": { "index.js": "const = ;" },
  "lacks-a-required-one": {
    "index.js":
      'import { createRequire } from "node:module"; createRequire(import.meta.url)("gone");',
  },
};
for (const [name, files] of Object.entries(broken)) installPackage(name, files);
installPackage("works", { "index.js": 'export const answer = "it works";' });

/** Loads each peer in a process of its own, as an installed library would. */
function outcomes(peers: readonly string[]): Record<string, Outcome | string> {
  const source = `
    import { loadPeer } from ${JSON.stringify(pathToFileURL(join(folder, "src/load-peer.ts")))};
    const outcomes = {};
    for (const peer of ${JSON.stringify(peers)}) {
      try {
        outcomes[peer] = (await loadPeer(peer, () => import(peer))).answer;
      } catch (error) {
        const { name, code, message, cause } = error;
        outcomes[peer] = { name, code, message, peer: error.peer, cause: String(cause) };
      }
    }
    console.log(JSON.stringify(outcomes));`;
  return JSON.parse(runInOwnProcess(source, { timeoutMs: 20_000, cwd: folder })) as Record<
    string,
    Outcome | string
  >;
}

describe("loading an optional peer", () => {
  const absent = ["absent-peer", "@scope/absent-peer"];
  const found = outcomes([...absent, ...Object.keys(broken), "works"]);

  it("gives the module of one that is installed and works", () => {
    expect(found["works"]).toBe("it works");
  });

  it.each(absent)("%s is missing, and the error says what to install", (peer) => {
    expect(found[peer]).toMatchObject({
      name: "PeerMissingError",
      code: "ERR_VAULT_PEER_MISSING",
      peer,
      message: `The optional package ${peer} is not installed: run "npm install ${peer}".`,
    });
  });

  it.each(Object.keys(broken))("%s is broken, not missing", (peer) => {
    expect(found[peer]).toMatchObject({
      name: "PeerBrokenError",
      code: "ERR_VAULT_PEER_BROKEN",
      peer,
    });
    expect((found[peer] as Outcome).message).toContain(`npm rebuild ${peer}`);
  });

  it("keeps the cause", () => {
    expect((found["throws-at-once"] as Outcome).cause).toBe("Error: wrong ELF class");
    expect((found["absent-peer"] as Outcome).cause).toContain("Cannot find package 'absent-peer'");
  });
});

describe("telling a missing peer from a broken one", () => {
  const failWith = async (peer: string, { code, message }: { code?: string; message: string }) => {
    const cause = Object.assign(new Error(message), { code });
    const error = await thrownBy(() => loadPeer(peer, () => Promise.reject(cause)));
    expect((error as Error).cause).toBe(cause);
    return (error as Error).name;
  };

  it.each([
    ["Cannot find package 'zod' imported from /somewhere", "PeerMissingError"],
    ["Cannot find package 'other' imported from /node_modules/zod/index.js", "PeerBrokenError"],
    ["Cannot find package 'zod-native' imported from /somewhere", "PeerBrokenError"],
  ])("goes by the name of the package that Node does not find: %s", async (message, name) => {
    expect(await failWith("zod", { code: "ERR_MODULE_NOT_FOUND", message })).toBe(name);
    expect(await failWith("zod", { code: "MODULE_NOT_FOUND", message })).toBe("PeerBrokenError");
    expect(await failWith("zod", { message })).toBe("PeerBrokenError");
  });

  // Recorded from Yarn 4.18, whose loader loses the code, and from Jest 30.
  it.each([
    {
      message:
        "handlevault tried to access absent-peer (a peer dependency) but it isn't provided by your application; this makes the require call ambiguous and unsound.",
    },
    {
      code: "MODULE_NOT_FOUND",
      message: "Cannot find module 'absent-peer' from 'node_modules/handlevault/dist/a.js'",
    },
  ])(
    "finds a peer missing that the resolver does not find, however it is said: %o",
    async (given) => {
      expect(await failWith("absent-peer", given)).toBe("PeerMissingError");
      expect(await failWith("zod", given)).toBe("PeerBrokenError");
      const own = "the package works with nothing but itself";
      expect(await failWith("absent-peer", { message: own })).toBe("PeerBrokenError");
    },
  );

  it("gives the module that was loaded", async () => {
    expect(await loadPeer("peer", () => Promise.resolve({ a: 1 }))).toEqual({ a: 1 });
  });
});

describe("the version of an optional peer", () => {
  const versionsOf = (peer: string) => PEER_VERSIONS[peer] ?? { oldest: "", newest: "" };

  it.each(["lmdb", "zod"])("of %s that is too old is refused before its code runs", (peer) => {
    const { oldest, newest } = versionsOf(peer);
    installPackage(peer, { "index.js": 'throw new Error("it ran");' }, { version: "1.2.3" });
    expect(outcomes([peer])[peer]).toEqual({
      name: "PeerBrokenError",
      code: "ERR_VAULT_PEER_BROKEN",
      peer,
      cause: "undefined",
      message:
        `The optional package ${peer} is installed in version 1.2.3, which does not work: ` +
        `run "npm install ${peer}@${newest}". Versions ${oldest} to ${newest}.x were tested.`,
    });
  });

  it("is read where package.json is not exported, and next to a package.json of a build", () => {
    installPackage(
      "lru-cache",
      { "index.js": "" },
      {
        version: "9.9.9",
        exports: { ".": "./dist/index.cjs" },
      },
    );
    const dist = join(folder, "node_modules/lru-cache/dist");
    mkdirSync(dist);
    writeFileSync(join(dist, "package.json"), '{ "type": "commonjs" }');
    writeFileSync(join(dist, "index.cjs"), "exports.LRUCache = class {};");
    expect((outcomes(["lru-cache"])["lru-cache"] as Outcome).message).toContain("version 9.9.9,");
  });

  it("is accepted, and nothing is said of it, where it is newer than the tested ones", () => {
    const code = 'export const open = true; export const answer = "it works";';
    installPackage("lmdb", { "index.js": code }, { version: "99.0.0" });
    expect(outcomes(["lmdb"])["lmdb"]).toBe("it works");
  });

  it("is taken for wrong where it cannot be read and an export is missing", () => {
    installPackage("ioredis", { "index.js": "export class Redis {}" }, { version: "" });
    expect((outcomes(["ioredis"])["ioredis"] as Outcome).message).toContain(
      "is installed in a version which does not work",
    );
  });
});

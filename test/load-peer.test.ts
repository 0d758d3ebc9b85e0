import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadPeer } from "../src/load-peer.js";
import { PeerBrokenError, PeerMissingError } from "../src/vault/errors.js";
import { runInOwnProcess, sourceUrl } from "./support/own-process.js";
import { thrownBy } from "./support/refusals.js";

interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly peer: string;
  readonly message: string;
  readonly cause: string;
}

/** A folder with packages that are broken in the ways packages are. */
const folder = mkdtempSync(join(tmpdir(), "handlevault-peers-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function installPackage(name: string, files: Record<string, string>): void {
  const home = join(folder, "node_modules", name);
  mkdirSync(home, { recursive: true });
  const manifest = { name, version: "1.0.0", type: "module", main: "index.js" };
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
    import { loadPeer } from ${JSON.stringify(sourceUrl("load-peer.ts"))};
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
  const failWith = async (code: string | undefined, message: string) => {
    const cause = Object.assign(new Error(message), { code });
    const error = await thrownBy(() => loadPeer("peer", () => Promise.reject(cause)));
    expect((error as Error).cause).toBe(cause);
    return error;
  };

  it("takes both the code and the name of the package", async () => {
    const message = "Cannot find package 'peer' imported from /somewhere";
    expect(await failWith("ERR_MODULE_NOT_FOUND", message)).toBeInstanceOf(PeerMissingError);
    expect(await failWith("MODULE_NOT_FOUND", message)).toBeInstanceOf(PeerBrokenError);
    expect(await failWith(undefined, message)).toBeInstanceOf(PeerBrokenError);
    const other = "Cannot find package 'other' imported from /node_modules/peer/index.js";
    expect(await failWith("ERR_MODULE_NOT_FOUND", other)).toBeInstanceOf(PeerBrokenError);
    const longer = "Cannot find package 'peer-native' imported from /somewhere";
    expect(await failWith("ERR_MODULE_NOT_FOUND", longer)).toBeInstanceOf(PeerBrokenError);
  });

  it("gives the module that was loaded", async () => {
    expect(await loadPeer("peer", () => Promise.resolve({ a: 1 }))).toEqual({ a: 1 });
  });
});

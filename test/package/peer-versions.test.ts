import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installedVersion, isOlder } from "../../src/installed-package.js";
import { PEER_VERSIONS } from "../../src/peer-versions.js";

const PROJECT = join(import.meta.dirname, "../..");
const manifest = JSON.parse(textOf("package.json"));
const peers = Object.keys(PEER_VERSIONS);

function textOf(file: string): string {
  return readFileSync(join(PROJECT, file), "utf8");
}

describe("the table of peer versions", () => {
  it("has a row for every optional peer, and package.json accepts any version of it", () => {
    const anyVersion = Object.fromEntries(peers.map((peer) => [peer, "*"]));
    expect(manifest.peerDependencies).toEqual(anyVersion);
    const optional = Object.fromEntries(peers.map((peer) => [peer, { optional: true }]));
    expect(manifest.peerDependenciesMeta).toEqual(optional);
  });

  it("is what docs/peers.md says", () => {
    const rows = textOf("docs/peers.md").matchAll(
      /^\| `([^`]+)` \| .* \| ([\d.]+) \| ([\d.]+) \|/gm,
    );
    const documented = [...rows].map(([, peer, oldest, newest]) => [peer, oldest, newest]);
    expect(documented).toEqual(
      Object.entries(PEER_VERSIONS).map(([peer, { oldest, newest }]) => [peer, oldest, newest]),
    );
  });

  it("has a row for every package that the library loads", () => {
    const files = readdirSync(join(PROJECT, "src"), { recursive: true, encoding: "utf8" });
    const loaded = files
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [...textOf(join("src", file)).matchAll(/\bimport\("([^".][^"]*)"\)/g)])
      .map(([, name = ""]) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    expect(peers).toEqual(expect.arrayContaining(loaded));
  });

  it.each(peers)("includes the version of %s that the tests run with", (peer) => {
    const installed = installedVersion(peer) ?? "";
    const { oldest, newest } = PEER_VERSIONS[peer] ?? { oldest: "", newest: "" };
    expect(manifest.devDependencies[peer]).toBe(installed);
    expect(isOlder(installed, oldest)).toBe(false);
    const [major, minor] = installed.split(".");
    expect(isOlder(newest, newest.includes(".") ? `${major}.${minor}` : `${major}`)).toBe(false);
  });

  // Nodes that come later need the highest major of better-sqlite3.
  it.each(peers.filter((peer) => peer !== "better-sqlite3"))(
    "has the oldest version of %s tried in CI",
    (peer) => {
      const { oldest } = PEER_VERSIONS[peer] ?? { oldest: "" };
      expect(textOf(".ci/run").split(/\s/)).toContain(`${peer}@${oldest}`);
    },
  );
});

describe("comparing versions", () => {
  it.each([
    ["1.2.3", "1.2.3", false],
    ["1.2.3", "1.2.4", true],
    ["1.9.0", "1.10.0", true],
    ["2.0.0", "1.99.99", false],
    ["0.3.9", "0.4", true],
    ["3.0.0-beta.1", "3.0.0", false],
    ["3.0.0+build-7", "3.0.1", true],
  ])("%s is older than %s: %s", (version, other, older) => {
    expect(isOlder(version, other)).toBe(older);
  });
});

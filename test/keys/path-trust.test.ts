import { closeSync, lstatSync, readFileSync } from "node:fs";
import { chmod, lchown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isKept, openTrusted, type PathEntry, type PathView } from "../../src/keys/path-trust.js";

const [ROOT, US, OTHER] = [0, 1000, 2000];
const FOLDER = { kind: "folder", mode: 0o755, uid: ROOT } as const;
const LINK = { kind: "link", mode: 0o777, uid: ROOT } as const;
const FILE = { kind: "other", mode: 0o444, uid: ROOT } as const;

type Entry = Pick<PathEntry, "kind" | "mode" | "uid"> & { readonly target?: string };

/**
 * Returns a fake file system that records the paths it was asked for. The real file system has no such files,
 * so a path that would be opened gives "absent"; any other path is rejected before.
 */
function madeUp(entries: Readonly<Record<string, Entry>>) {
  const seen: string[] = [];
  const view: PathView = {
    user: US,
    entryAt: (path) => {
      seen.push(path);
      const entry = path === "/" ? (entries["/"] ?? FOLDER) : entries[path];
      if (entry === undefined) throw new Error("ENOENT");
      return { ...entry, dev: 1n, ino: BigInt(seen.length) };
    },
    targetOf: (link) => entries[link]?.target ?? "",
  };
  return { view, seen };
}

const KUBERNETES: Readonly<Record<string, Entry>> = {
  "/no-such": FOLDER,
  "/no-such/secret": { ...FOLDER, mode: 0o1777 },
  "/no-such/secret/keys": { ...LINK, target: "..data/keys" },
  "/no-such/secret/..data": { ...LINK, target: "..2026_11" },
  "/no-such/secret/..2026_11": FOLDER,
  "/no-such/secret/..2026_11/keys": FILE,
};

describe("a path that only root and this user can change", () => {
  it("is followed through the links of a Kubernetes mount, each look-up checked", () => {
    const { view, seen } = madeUp(KUBERNETES);
    expect(openTrusted("/no-such/secret/keys", view)).toBe("absent");
    expect(new Set(seen)).toEqual(new Set(["/", ...Object.keys(KUBERNETES)]));
  });

  it.each([
    ["a folder on the path", { "/no-such": { ...FOLDER, mode: 0o757 } }],
    ["a folder that its group can write", { "/no-such": { ...FOLDER, mode: 0o775 } }],
    ["a folder of another user", { "/no-such": { ...FOLDER, uid: OTHER } }],
    ["the root folder", { "/": { ...FOLDER, mode: 0o777 } }],
    [
      "a sticky folder of another user",
      { "/no-such/secret": { ...FOLDER, mode: 0o1777, uid: OTHER } },
    ],
    [
      "a link of another user",
      { "/no-such/secret/keys": { ...LINK, target: "..data/keys", uid: OTHER } },
    ],
    [
      "a link in the middle of a link's target",
      { "/no-such/secret/..data": { ...LINK, target: "..2026_11", uid: OTHER } },
    ],
    ["the folder of a link's target", { "/no-such/secret/..2026_11": { ...FOLDER, mode: 0o777 } }],
    [
      "a file of another user in a sticky folder",
      { "/no-such/secret/keys": { ...FILE, uid: OTHER } },
    ],
  ] as [string, Record<string, Entry>][])("is refused for %s", (_, change) => {
    const { view } = madeUp({ ...KUBERNETES, ...change });
    expect(openTrusted("/no-such/secret/keys", view)).toBe("replaceable");
  });

  it("is refused for a folder that a link leads through and out of again", () => {
    const { view } = madeUp({
      "/safe": FOLDER,
      "/safe/keys": { ...LINK, target: "../open/link/../keys" },
      "/open": { ...FOLDER, mode: 0o777 },
      "/open/link": { ...LINK, target: "/safe/folder" },
      "/safe/folder": FOLDER,
      "/safe/keys-2": FILE,
    });
    expect(openTrusted("/safe/keys", view)).toBe("replaceable");
  });

  it("resolves `..` from a link's target, not from the link", () => {
    const entries = {
      "/a": FOLDER,
      "/a/link": { ...LINK, target: "/b/c" },
      "/b": FOLDER,
      "/b/c": FOLDER,
      "/b/keys": FILE,
    };
    const { view, seen } = madeUp(entries);
    expect(openTrusted("/a/link/../keys", view)).toBe("absent");
    expect(seen).toContain("/b/keys");
    expect(seen).not.toContain("/a/keys");
  });

  it("has at most 40 links, as the kernel follows them", () => {
    const chain = (links: number) => {
      const entries: Record<string, Entry> = { [`/link-${links}`]: FILE };
      for (let link = 0; link < links; link++) {
        entries[`/link-${link}`] = { ...LINK, target: `link-${link + 1}` };
      }
      const { view, seen } = madeUp(entries);
      openTrusted("/link-0", view);
      return seen.includes(`/link-${links}`);
    };
    expect([chain(40), chain(41)]).toEqual([true, false]);
    const { view, seen } = madeUp({ "/loop": { ...LINK, target: "loop" } });
    expect(openTrusted("/loop", view)).toBe("absent");
    expect(seen.length).toBeLessThan(200);
  });

  it("may belong to this user instead of root", () => {
    const mine = Object.entries(KUBERNETES).map(([path, entry]) => [path, { ...entry, uid: US }]);
    const { view } = madeUp(Object.fromEntries(mine));
    expect(openTrusted("/no-such/secret/keys", view)).toBe("absent");
  });
});

describe("a file that is kept", () => {
  it("is owned and written by root or this user alone", () => {
    for (const uid of [ROOT, US]) {
      for (const mode of [0o400, 0o440, 0o444, 0o644]) expect(isKept({ mode, uid }, US)).toBe(true);
      for (const mode of [0o420, 0o402, 0o666]) expect(isKept({ mode, uid }, US)).toBe(false);
    }
    expect(isKept({ mode: 0o400, uid: OTHER }, US)).toBe(false);
  });
});

describe("a file that is opened by a trusted path", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "handlevault-trust-"));
    await mkdir(join(folder, "inner"));
    await writeFile(join(folder, "inner", "keys"), "the keys");
    await symlink("inner/keys", join(folder, "link"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it("is the one at the end of its links", () => {
    const opened = openTrusted(join(folder, "link"));
    if (typeof opened !== "number") throw new Error(opened);
    expect(readFileSync(opened, "utf8")).toBe("the keys");
    closeSync(opened);
  });

  it("is rejected if it was replaced after the check", () => {
    const look = (path: string) => lstatSync(path, { bigint: true });
    const view = (drift: bigint): PathView => ({
      user: process.geteuid?.(),
      entryAt: (path) => {
        const stats = look(path);
        const kind = stats.isDirectory() ? "folder" : "other";
        const [mode, uid] = [Number(stats.mode), Number(stats.uid)];
        return { kind, mode, uid, dev: stats.dev, ino: stats.ino + drift };
      },
      targetOf: () => "",
    });
    const path = join(folder, "inner", "keys");
    const opened = openTrusted(path, view(0n));
    if (typeof opened !== "number") throw new Error(opened);
    closeSync(opened);
    expect(openTrusted(path, view(1n))).toBe("replaced");
  });

  it("is rejected if others can write the folder of its link, or of the link's target", async () => {
    for (const place of [folder, join(folder, "inner")]) {
      await chmod(place, 0o777);
      expect(openTrusted(join(folder, "link"))).toBe("replaceable");
      await chmod(place, 0o755);
    }
  });

  it.runIf(process.geteuid?.() === 0)(
    "is refused behind a link of another user, even in a sticky folder of root's",
    async () => {
      await chmod(folder, 0o1777);
      const opened = openTrusted(join(folder, "link"));
      if (typeof opened !== "number") throw new Error(opened);
      closeSync(opened);
      await lchown(join(folder, "link"), OTHER, OTHER);
      expect(openTrusted(join(folder, "link"))).toBe("replaceable");
    },
  );

  it("must exist", () => {
    for (const path of ["gone", "gone/keys", "link/behind", "link/", "inner/\0"]) {
      expect(openTrusted(`${folder}/${path}`)).toBe("absent");
    }
  });
});

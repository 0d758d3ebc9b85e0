import { copyFileSync, linkSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FileIdentity, type FileStatus } from "../../src/cache/file-identity.js";
import { codeThrownBy } from "../support/refusals.js";

const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** An existing file, and a clock that every check advances by two milliseconds. */
function scene(options: { readonly minBytes?: number } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "handlevault-identity-"));
  directories.push(directory);
  const path = join(directory, "records.db");
  writeFileSync(path, "contents");
  let nowMs = 0;
  const elapsedMs = () => {
    nowMs += 2;
    return nowMs;
  };
  return { path, identity: new FileIdentity(path, { ...options, elapsedMs }) };
}

describe("a file that was opened", () => {
  it("is intact while its path names it, whatever is written to it", () => {
    const { path, identity } = scene();
    expect(identity.isIntact).toBe(true);
    writeFileSync(path, "other and longer contents");
    expect(identity.isIntact).toBe(true);
    writeFileSync(path, "");
    expect(identity.isIntact).toBe(true);
  });

  it("is intact while a backup has a link to it", () => {
    const { path, identity } = scene();
    linkSync(path, `${path}.backup`);
    expect(identity.isIntact).toBe(true);
    rmSync(`${path}.backup`);
    expect(identity.isIntact).toBe(true);
  });

  it("is lost once it is removed", () => {
    const { path, identity } = scene();
    rmSync(path);
    expect(identity.isIntact).toBe(false);
  });

  it("is lost once another file with the same contents has its name", () => {
    const { path, identity } = scene();
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    expect(identity.isIntact).toBe(false);
  });

  it("stays lost after it was put back", () => {
    const { path, identity } = scene();
    renameSync(path, `${path}.moved`);
    expect(identity.isIntact).toBe(false);
    renameSync(`${path}.moved`, path);
    expect(identity.isIntact).toBe(false);
  });

  it("is lost once it is shorter than it can be", () => {
    const { path, identity } = scene({ minBytes: 8 });
    expect(identity.isIntact).toBe(true);
    writeFileSync(path, "content");
    expect(identity.isIntact).toBe(false);
  });

  it("is lost once one of its companions is removed or replaced", () => {
    for (const replace of [() => {}, (path: string) => writeFileSync(path, "other")]) {
      const { path } = scene();
      writeFileSync(`${path}-wal`, "");
      writeFileSync(`${path}-shm`, "");
      const companions = [`${path}-wal`, `${path}-shm`];
      let nowMs = 0;
      const elapsedMs = () => nowMs++;
      const identity = new FileIdentity(path, { companions, elapsedMs });
      expect(identity.isIntact).toBe(true);
      // Renamed rather than deleted, so that its inode is not assigned again.
      renameSync(`${path}-shm`, `${path}-moved`);
      replace(`${path}-shm`);
      expect(identity.isIntact).toBe(false);
    }
  });

  it("must exist", async () => {
    const code = await codeThrownBy(() => new FileIdentity(join(tmpdir(), "not", "there")));
    expect(code).toBe("ERR_VAULT_CACHE_UNAVAILABLE");
  });
});

describe("a check of a file", () => {
  const STATUS: FileStatus = { dev: 1, ino: 2, nlink: 1, size: 3 };

  /** A file with a status that the test sets. */
  function sceneWithIdentity() {
    const scene = { nowMs: 0, looks: 0, status: STATUS as FileStatus | Error };
    const stat = () => {
      scene.looks += 1;
      if (scene.status instanceof Error) throw scene.status;
      return scene.status;
    };
    const identity = new FileIdentity("records.db", { stat, elapsedMs: () => scene.nowMs });
    scene.looks = 0;
    return { scene, identity };
  }

  it("is made at most once a millisecond", () => {
    const { scene, identity } = sceneWithIdentity();
    for (let count = 0; count < 10; count++) expect(identity.isIntact).toBe(true);
    expect(scene.looks).toBe(1);
    scene.nowMs += 1;
    for (let count = 0; count < 10; count++) expect(identity.isIntact).toBe(true);
    expect(scene.looks).toBe(2);
  });

  it("that fails does not confirm the file, and is repeated", () => {
    const { scene, identity } = sceneWithIdentity();
    scene.status = new Error("a failure");
    expect(identity.isIntact).toBe(false);
    expect(identity.isIntact).toBe(false);
    expect(scene.looks).toBe(2);
    scene.status = STATUS;
    expect(identity.isIntact).toBe(true);
  });

  it.each([
    ["another device", { dev: 9 }],
    ["another inode", { ino: 9 }],
    ["no link any more", { nlink: 0 }],
  ])("that finds %s reports the file as lost", (_, change) => {
    const { scene, identity } = sceneWithIdentity();
    scene.status = { ...STATUS, ...change };
    expect(identity.isIntact).toBe(false);
  });
});

import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import { generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";

const [KEY_1, KEY_2, KEY_3] = [1, 2, 3].map(() => generateKey());
const VARIABLE = "HANDLEVAULT_TEST_KEYS";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "handlevault-keys-"));
});

afterEach(async () => {
  delete process.env[VARIABLE];
  await rm(folder, { recursive: true, force: true });
});

async function keyFile(text: string, mode = 0o600): Promise<string> {
  const path = join(folder, "keys");
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

describe("a ring from a file", () => {
  it("promotes only a key that the file has now, under the same id", async () => {
    const path = await keyFile(`k1:${KEY_1}\n`);
    const ring = await KeyRing.fromFile(path);
    ring.add("k2", String(KEY_2));
    for (const text of [`k1:${KEY_1}\n`, `k1:${KEY_1}\nk2:${KEY_3}\n`, `k3:${KEY_2}\n`]) {
      await keyFile(text);
      expect(() => ring.promote("k2")).toThrow(/the file does not have this key: write it there/);
    }
    await keyFile("no list");
    expect(() => ring.promote("k2")).toThrow(TypeError);
    await rm(path);
    expect(() => ring.promote("k2")).toThrow(/cannot be opened/);
    expect(ring.currentKeyId()).toBe("k1");
    await keyFile(`k1:${KEY_1}\nk2:${KEY_2}\n`);
    ring.promote("k2");
    expect(ring.currentKeyId()).toBe("k2");
  });

  it.each([{}, { mounted: true }])(
    "stays with its file when the process changes its folder: %o",
    async (options) => {
      const before = process.cwd();
      const elsewhere = join(folder, "elsewhere");
      await mkdir(elsewhere);
      await writeFile(join(elsewhere, "keys"), `k3:${KEY_3}\n`, { mode: 0o600 });
      await keyFile(`k1:${KEY_1}\n`);
      process.chdir(folder);
      try {
        const ring = await KeyRing.fromFile("keys", options);
        process.chdir(elsewhere);
        await keyFile(`k2:${KEY_2}\nk1:${KEY_1}\n`);
        ring.reload();
        ring.promote("k1");
        expect([ring.currentKeyId(), ring.keyIds]).toEqual(["k1", ["k1", "k2"]]);
      } finally {
        process.chdir(before);
      }
    },
  );

  it("resolves links before `..`, as the system does", async () => {
    const before = process.cwd();
    await mkdir(join(folder, "far", "inner"), { recursive: true });
    await writeFile(join(folder, "far", "keys"), `k2:${KEY_2}\n`, { mode: 0o600 });
    await symlink(join("far", "inner"), join(folder, "link"));
    await keyFile(`k1:${KEY_1}\n`);
    process.chdir(folder);
    try {
      for (const options of [{}, { mounted: true }]) {
        expect((await KeyRing.fromFile("link/../keys", options)).keyIds).toEqual(["k2"]);
      }
    } finally {
      process.chdir(before);
    }
  });

  it.each(["", undefined, 7, {}])("has no other path: %o", async (path) => {
    await expect(KeyRing.fromFile(path as string)).rejects.toThrow(/path must be a string/);
  });

  it("reloads: new keys are added, the first one is current, none is dropped", async () => {
    await keyFile(`k1:${KEY_1}\n`);
    const ring = await KeyRing.fromFile(join(folder, "keys"));
    const underOld = ring.wrap(new Uint8Array(32));
    await keyFile(`k2:${KEY_2}\n`);
    ring.reload();
    expect([ring.currentKeyId(), ring.keyIds]).toEqual(["k2", ["k1", "k2"]]);
    expect(ring.unwrap(underOld)).toEqual(Buffer.alloc(32));
    const epoch = ring.epoch();
    await keyFile(`k3:${KEY_3}\nk2:${KEY_1}\n`);
    expect(() => ring.reload()).toThrow(/another key than before/);
    await keyFile(`k3:${KEY_3}\n`, 0o644);
    expect(() => ring.reload()).toThrow(/others can read/);
    expect([ring.currentKeyId(), ring.keyIds, ring.epoch()]).toEqual(["k2", ["k1", "k2"], epoch]);
  });

  it("opens records of new keys immediately after a reload", async () => {
    const database = join(folder, "handles.db");
    await keyFile(`k1:${KEY_1}\n`);
    const ring = await KeyRing.fromFile(join(folder, "keys"));
    const vault = new HandleVault({ cache: await openSqliteCache(database), keys: ring });
    const keys = KeyRing.from({ current: "k2", keys: { k2: String(KEY_2) } });
    const other = new HandleVault({ cache: await openSqliteCache(database), keys });
    const { id } = await other.seal("new", sealOptions());
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_KEY_NOT_FOUND",
    });
    await keyFile(`k1:${KEY_1}\nk2:${KEY_2}\n`);
    ring.reload();
    expect(await vault.unseal(id, OWNER)).toBe("new");
    await Promise.all([vault.close(), other.close()]);
  });

  it("loses nothing by the steps of the documented rotation, also after a restart", async () => {
    const database = join(folder, "handles.db");
    const open = async () => ({
      ring: await KeyRing.fromFile(join(folder, "keys")),
      cache: await openSqliteCache(database),
    });
    await keyFile(`k1:${KEY_1}\n`);
    const { ring, cache } = await open();
    const vault = new HandleVault({ cache, keys: ring });
    const { id } = await vault.seal("the only copy", sealOptions());
    await keyFile(`k1:${KEY_1}\nk2:${KEY_2}\n`);
    ring.reload();
    ring.promote("k2");
    expect(() => ring.remove("k1", { failed: 0, keyUsage: {} })).toThrow(RangeError);
    const part = await vault.rewrap({ limit: 1 });
    if (part.cursor !== undefined) expect(() => ring.remove("k1", part)).toThrow(RangeError);
    expect(ring.remove("k1", await vault.rewrap())).toBe(true);
    await vault.close();
    await keyFile(`k2:${KEY_2}\n`);
    const again = await open();
    const restarted = new HandleVault({ cache: again.cache, keys: again.ring });
    expect(await restarted.unseal(id, OWNER)).toBe("the only copy");
    await restarted.close();
  });
});

describe("a ring from an environment variable", () => {
  it("promotes only a key that the variable has now, and says to restart instead of reloading", () => {
    process.env[VARIABLE] = `k1:${KEY_1}`;
    const ring = KeyRing.fromEnv(VARIABLE);
    ring.add("k2", String(KEY_2));
    expect(() => ring.promote("k2")).toThrow(/the environment variable does not have this key/);
    expect(() => ring.reload()).toThrow(/restart/);
    process.env[VARIABLE] = `k1:${KEY_1},k2:${KEY_2}`;
    ring.promote("k2");
    expect(ring.currentKeyId()).toBe("k2");
  });
});

describe("a mounted key file", () => {
  const text = `k1:${KEY_1}\n`;

  it.each([0o440, 0o444, 0o400, 0o600, 0o644])("may have the mode %o", async (mode) => {
    const ring = await KeyRing.fromFile(await keyFile(text, mode), { mounted: true });
    expect(ring.keyIds).toEqual(["k1"]);
  });

  it("is reached through links, as Kubernetes mounts and replaces it", async () => {
    for (const [version, key] of [
      ["..2026_11", `k1:${KEY_1}\n`],
      ["..2026_12", `k2:${KEY_2}\nk1:${KEY_1}\n`],
    ] as const) {
      await mkdir(join(folder, version), { mode: 0o755 });
      await writeFile(join(folder, version, "keys"), key, { mode: 0o444 });
    }
    await symlink("..2026_11", join(folder, "..data"));
    await symlink(join("..data", "keys"), join(folder, "keys"));
    const ring = await KeyRing.fromFile(join(folder, "keys"), { mounted: true });
    await symlink("..2026_12", join(folder, "..next"));
    await rename(join(folder, "..next"), join(folder, "..data"));
    ring.reload();
    expect([ring.currentKeyId(), ring.keyIds]).toEqual(["k2", ["k1", "k2"]]);
  });

  it("is rejected if a link on its path is in a folder that others can write", async () => {
    const path = await keyFile(text, 0o444);
    const open = join(folder, "open");
    await mkdir(open);
    await chmod(open, 0o777);
    await symlink(path, join(open, "middle"));
    await symlink(join("open", "middle"), join(folder, "first"));
    const first = join(folder, "first");
    const refused = KeyRing.fromFile(first, { mounted: true });
    await expect(refused).rejects.toThrow(/others can replace the mounted key file/);
    await chmod(open, 0o755);
    expect((await KeyRing.fromFile(first, { mounted: true })).keyIds).toEqual(["k1"]);
  });

  it("may be given by a path from the current folder", async () => {
    const path = relative(process.cwd(), await keyFile(text, 0o444));
    expect((await KeyRing.fromFile(path, { mounted: true })).keyIds).toEqual(["k1"]);
  });

  it.each([0o440, 0o444, 0o640, 0o604])("has to be asked for by name: mode %o", async (mode) => {
    const path = await keyFile(text, mode);
    await expect(KeyRing.fromFile(path)).rejects.toThrow(/others can read .* mounted: true/);
  });

  it.each([0o460, 0o446, 0o666, 0o620])("that others can write is refused: %o", async (mode) => {
    const path = await keyFile(text, mode);
    const refused = KeyRing.fromFile(path, { mounted: true });
    await expect(refused).rejects.toThrow(/others can write the mounted key file/);
  });

  it.each([0o777, 0o775, 0o773])(
    "in a folder that others can write is refused: %o",
    async (mode) => {
      const path = await keyFile(text, 0o444);
      await chmod(folder, mode);
      const refused = KeyRing.fromFile(path, { mounted: true });
      await expect(refused).rejects.toThrow(/others can replace the mounted key file/);
      await chmod(folder, 0o1777);
      expect((await KeyRing.fromFile(path, { mounted: true })).keyIds).toEqual(["k1"]);
    },
  );

  it("names neither its path nor a key in an error", async () => {
    const path = await keyFile(text, 0o666);
    for (const options of [{}, { mounted: true }]) {
      const error = await KeyRing.fromFile(path, options).catch((thrown: unknown) => thrown);
      expect(inspect(error, { stackTraceLimit: 0 } as never).split("\n    at")[0]).not.toContain(
        folder,
      );
      expect(String(error)).not.toContain(String(KEY_1));
    }
  });

  it.each([{ mounted: "yes" }, { mount: true }])("has no other options: %o", async (options) => {
    const path = await keyFile(text);
    await expect(KeyRing.fromFile(path, options as object)).rejects.toThrow(TypeError);
  });
});

/** The files of stores contain no readable payload and no handle. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { openRedisCache } from "../../src/cache/redis.js";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { missingServer, startRespServer } from "../support/servers/resp-server.js";
import { mountSmallDisk, NO_SMALL_DISK } from "../support/small-disk.js";

const CANARY = {
  payload: "canary-payload-91d2",
  owner: "spiffe://canary-owner-77ab",
  grantee: "spiffe://canary-grantee-05fe",
  safeView: "canary safe view 3c40",
  tenant: "canary-tenant-6be1",
};

/** Runs a function with a cache whose files are in a folder. */
type WithCache = <T>(folder: string, use: (cache: CacheBackend) => Promise<T>) => Promise<T>;

function onServer(product: "redis" | "valkey", open: typeof openRedisCache): WithCache {
  return async (folder, use) => {
    const options = { appendFsync: "always", arguments: ["--dir", folder] } as const;
    const server = await startRespServer(product, options);
    try {
      return await use(await open({ port: server.port }));
    } finally {
      await server.stop();
    }
  };
}

const STORES: readonly [name: string, withCache: WithCache, missing?: string | undefined][] = [
  ["SQLite", async (folder, use) => use(await openSqliteCache(join(folder, "vault.db")))],
  ["LMDB", async (folder, use) => use(await openLmdbCache(join(folder, "vault.lmdb")))],
  ["Redis", onServer("redis", openRedisCache), missingServer("redis")],
  ["Valkey", onServer("valkey", openValkeyCache), missingServer("valkey")],
];

/** Returns the contents of all files of a folder and its subfolders. */
function contentOf(folder: string): Buffer {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(files.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
}

function holds(content: Buffer, text: string): boolean {
  const forms = ["utf8", "hex", "base64", "base64url"] as const;
  return forms.some((form) =>
    content.includes(Buffer.from(text).toString(form).replace(/=+$/, "")),
  );
}

describe.each(STORES)("the files of %s", (_, withCache, missing) => {
  it("contain only hashes of handle ids as keys, and nothing else that is readable", async ({
    skip,
  }) => {
    if (missing !== undefined) return skip(missing);
    const folder = mkdtempSync(join(tmpdir(), "handlevault-at-rest-"));
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    const { owner, grantee, payload, safeView, tenant } = CANARY;
    try {
      const { ids, content } = await withCache(folder, async (cache) => {
        await using vault = new HandleVault({ cache, keys, tenant });
        const ids: string[] = [];
        for (const data of [payload, payload.repeat(5000)]) {
          const grantedPrincipals = [grantee];
          const options = { ownerPrincipal: owner, grantedPrincipals, safeView, maxUses: 3 };
          const { id } = await vault.seal(data, options);
          await vault.grant(id, `${grantee}-2`, { by: owner });
          await vault.renew(id, 500, { by: owner });
          expect(await vault.unseal(id, grantee)).toBe(data);
          ids.push(id);
        }
        return { ids, content: contentOf(folder) };
      });
      for (const id of ids) {
        const lookupId = createHash("sha256").update(id).digest("base64url");
        expect(content.includes(lookupId)).toBe(true);
        expect(holds(content, id) || holds(content, id.slice("hdl_".length))).toBe(false);
        expect(content.includes(Buffer.from(id.slice("hdl_".length), "hex"))).toBe(false);
      }
      for (const canary of Object.values(CANARY)) expect(holds(content, canary)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("are not written by a vault whose keys do not outlive its process", async ({ skip }) => {
    if (missing !== undefined) return skip(missing);
    const folder = mkdtempSync(join(tmpdir(), "handlevault-at-rest-"));
    try {
      await withCache(folder, async (cache) => {
        for (const keys of [undefined, KeyRing.ephemeral()]) {
          const vault = () => new HandleVault({ cache, keys, acceptVolatile: true });
          expect(vault).toThrow(expect.objectContaining({ code: "ERR_VAULT_CACHE_UNSAFE" }));
        }
        await cache.close();
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("an LMDB file on a read-only file system", () => {
  it("is unavailable, whether or not it exists", async ({ skip }) => {
    const disk = mountSmallDisk(8);
    if (disk === undefined) return skip(NO_SMALL_DISK);
    try {
      const path = join(disk.directory, "vault.lmdb");
      await (await openLmdbCache(path)).close();
      execFileSync("mount", ["-o", "remount,ro", disk.directory]);
      for (const each of [path, join(disk.directory, "new.lmdb")]) {
        await expect(openLmdbCache(each)).rejects.toMatchObject({
          code: "ERR_VAULT_CACHE_UNAVAILABLE",
        });
      }
    } finally {
      disk.remove();
    }
  });
});

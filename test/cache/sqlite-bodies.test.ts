import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { codeThrownBy } from "../support/refusals.js";
import { rotate } from "../support/rotation.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../support/vault.js";
import { closeLater, headOf, newFile, put } from "./sqlite-scene.js";

const MEBIBYTE = 2 ** 20;
const MOST_GROWTH = 65_536;

/** Empties the WAL, and returns a function that gives the bytes added since. */
function watchWal(path: string): () => number {
  const database = closeLater(new Database(path));
  database.pragma("wal_checkpoint(TRUNCATE)");
  expect(statSync(`${path}-wal`).size).toBe(0);
  return () => statSync(`${path}-wal`).size;
}

/** Counts the calls of a cache that concern bodies. */
function countingBodies(cache: CacheBackend): { cache: CacheBackend; reads(): number } {
  let reads = 0;
  const counted = new Proxy(cache, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        if (name === "getBody") reads += 1;
        return Reflect.apply(value, target, values) as unknown;
      };
    },
  });
  return { cache: counted, reads: () => reads };
}

describe("a record with a body of 16 MiB in a SQLite cache", () => {
  it("does not read or write the body when its head is replaced or read", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    const body = Buffer.alloc(16 * MEBIBYTE, 7);
    await put(cache, "large", body);
    const walBytes = watchWal(path);
    for (let round = 0; round < 3; round++) {
      const entry = await cache.get("large");
      if (typeof entry !== "object") throw new Error("the record is not there");
      const options = { ifRevision: entry.revision, purgeAfterMs: 1000 * round };
      expect(await cache.replace("large", Buffer.alloc(600, round), options)).toBe("replaced");
    }
    expect(walBytes()).toBeGreaterThan(0);
    expect(walBytes()).toBeLessThan(MOST_GROWTH);
    expect(Buffer.compare((await cache.getBody("large")) ?? Buffer.alloc(0), body)).toBe(0);
  });

  it("does not read or write the body for a grant, a refusal, a safe view or a rewrap", async () => {
    const path = newFile();
    const counted = countingBodies(closeLater(await openSqliteCache(path)));
    const keys = KeyRing.from({ current: "old", keys: { old: generateKey() } });
    const vault = closeLater(new HandleVault({ cache: counted.cache, keys }));
    const payload = Buffer.alloc(16 * MEBIBYTE, 7);
    const { id } = await vault.seal(payload, sealOptions());
    const walBytes = watchWal(path);
    await vault.grant(id, "spiffe://example.org/other", { by: OWNER });
    expect(await codeThrownBy(() => vault.unseal(id, STRANGER))).toBe(
      "ERR_VAULT_HANDLE_ACCESS_DENIED",
    );
    expect(await vault.getSafeView(id)).toBe("a payload");
    rotate(keys, "new", generateKey());
    expect(await vault.rewrap()).toMatchObject({ failed: 0 });
    expect(counted.reads()).toBe(0);
    expect(walBytes()).toBeGreaterThan(0);
    expect(walBytes()).toBeLessThan(MOST_GROWTH);
    const unsealed = await vault.unseal<Uint8Array>(id, GRANTEE);
    expect(Buffer.compare(unsealed, payload)).toBe(0);
  });
});

describe("a body in a SQLite cache", () => {
  it("is removed with its record, in whatever way that is removed", async () => {
    const path = newFile();
    let nowMs = Date.now();
    const cache = closeLater(await openSqliteCache(path, { clock: { now: () => nowMs } }));
    const body = Buffer.from("body");
    for (const key of ["deleted", "ended", "stripped", "purged", "kept"])
      await put(cache, key, body);
    const revisionOf = async (key: string) => {
      const entry = await cache.get(key);
      if (typeof entry !== "object") throw new Error("the record is not there");
      return entry.revision;
    };
    await cache.delete("deleted");
    await cache.replace("ended", undefined, { ifRevision: await revisionOf("ended") });
    const strip = { ifRevision: await revisionOf("stripped"), dropBody: true };
    await cache.replace("stripped", Buffer.from("stripped"), strip);
    const renew = { ifRevision: await revisionOf("kept"), purgeAfterMs: 9_000_000 };
    await cache.replace("kept", Buffer.from("kept"), renew);
    const renewed = { ifRevision: await revisionOf("stripped"), purgeAfterMs: 9_000_000 };
    await cache.replace("stripped", Buffer.from("stripped"), renewed);
    nowMs += 3_600_001;
    expect(await cache.purgeExpired(10)).toBe(1);
    const database = closeLater(new Database(path));
    expect(database.prepare("SELECT count(*) FROM handlevault_bodies").pluck().get()).toBe(1);
    expect(database.prepare("SELECT count(*) FROM handlevault_purges").pluck().get()).toBe(2);
    expect(await headOf(cache, "stripped")).toBe("stripped");
    expect(Buffer.from((await cache.getBody("kept")) ?? []).toString()).toBe("body");
  });

  it("costs records without one nothing: their file has less than 1.4 times their keys and heads", async () => {
    const path = newFile();
    const cache = await openSqliteCache(path, { synchronous: "off" });
    const count = 20_000;
    const [keyBytes, headBytes] = [43, 560];
    for (let start = 0; start < count; start += 250) {
      await Promise.all(
        Array.from({ length: 250 }, (_, index) => {
          const key = Buffer.from(`${(start + index) * 7919}`).toString("base64url");
          const head = Buffer.alloc(headBytes, start);
          return cache.insert(
            key.padStart(keyBytes, "x"),
            { head },
            { purgeAfterMs: 1000 + start },
          );
        }),
      );
    }
    await cache.purgeExpired(1);
    await cache.close();
    expect(statSync(path).size / count).toBeLessThan(1.4 * (keyBytes + headBytes));
  });
});

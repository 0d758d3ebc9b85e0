import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LmdbDatabaseOptions, type LmdbEnvironment, lmdbCache } from "../../src/cache/lmdb.js";
import {
  checkLargeRecord,
  HEAD_OPERATIONS,
  type LargeRecord,
  sealLargeRecord,
} from "../support/large-record.js";

const SMALL_BYTES = 2 ** 18;

/** Reports each call of an object's methods, and passes the call on. */
function watched<T extends object>(object: T, onCall: (method: string) => void): T {
  return new Proxy(object, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        onCall(String(name));
        return Reflect.apply(value, target, values) as unknown;
      };
    },
  });
}

/** An environment that records the calls of its database of bodies. */
function watchedBodies(environment: LmdbEnvironment) {
  const calls: string[] = [];
  const openDB = (options: LmdbDatabaseOptions): unknown => {
    const database = environment.openDB(options) as object;
    if (!options.name.includes("bodies")) return database;
    return watched(database, (method) => {
      // Statistics count pages and read none of them.
      if (method !== "getStats") calls.push(method);
    });
  };
  const proxy = new Proxy(environment, {
    get: (target, name) => {
      if (name === "openDB") return openDB;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { environment: proxy, calls };
}

describe("a 16 MiB payload in an LMDB cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "handlevault-lmdb-bodies-"));
  const path = join(folder, "vault.mdb");
  const environment = open({ path, overlappingSync: false });
  const bodies = watchedBodies(environment as LmdbEnvironment);
  let record: LargeRecord;

  beforeAll(async () => {
    record = await sealLargeRecord(lmdbCache(bodies.environment));
    expect(bodies.calls.splice(0)).toEqual(["put"]);
  });

  afterAll(async () => {
    await record.vault.close();
    await environment.close();
    rmSync(folder, { recursive: true });
  });

  it.each(HEAD_OPERATIONS)("%s neither reads nor copies its body", async (_, use) => {
    const fileBytes = statSync(path).size;
    await use(record);
    expect(bodies.calls).toEqual([]);
    expect(statSync(path).size - fileBytes).toBeLessThan(SMALL_BYTES);
  });

  it("an unseal reads it once and returns it unchanged", async () => {
    await checkLargeRecord(record);
    expect(bodies.calls.splice(0)).toEqual(["get"]);
  });

  it("an invalidation removes the body, too", async () => {
    await record.vault.invalidate(record.id);
    expect(bodies.calls.splice(0)).toEqual(["remove"]);
  });
});

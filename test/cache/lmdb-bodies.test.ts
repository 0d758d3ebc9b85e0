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

/** Has an object say each time that one of its methods is called; everything is done by itself. */
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

/** An environment that writes down what its database of bodies is asked for. */
function watchedBodies(environment: LmdbEnvironment) {
  const calls: string[] = [];
  const openDB = (options: LmdbDatabaseOptions): unknown => {
    const database = environment.openDB(options) as object;
    if (!options.name.includes("bodies")) return database;
    return watched(database, (method) => {
      // Statistics are of its pages, and read none of them.
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

  it.each(HEAD_OPERATIONS)(
    "%s asks nothing of its body and writes no copy of it",
    async (_, use) => {
      const fileBytes = statSync(path).size;
      await use(record);
      expect(bodies.calls).toEqual([]);
      expect(statSync(path).size - fileBytes).toBeLessThan(SMALL_BYTES);
    },
  );

  it("an unseal reads it once, and gives it back as it was", async () => {
    await checkLargeRecord(record);
    expect(bodies.calls.splice(0)).toEqual(["get"]);
  });

  it("an invalidation takes the body with it", async () => {
    await record.vault.invalidate(record.id);
    expect(bodies.calls.splice(0)).toEqual(["remove"]);
  });
});

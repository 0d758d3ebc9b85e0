/** The signs by which the processes of an LMDB file keep out of each other's way. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import type { CacheBackend } from "../../src/index.js";
import { ManualClock } from "../support/vault.js";

const UNAVAILABLE = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
const FOR_LONG = { purgeAfterMs: 3_600_000 };
const RECORD = { head: Buffer.from("head") };
const OWN_FLAG = `writer-${process.pid}-${threadId}`;

let folder = "";
let path = "";
let gate = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "handlevault-signs-"));
  path = join(folder, "vault.lmdb");
  gate = `${path}-gate`;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts up a sign that expires so many milliseconds from now. */
function putUp(name: string, expiresInMs: number): string {
  mkdirSync(gate, { recursive: true });
  const sign = join(gate, name);
  writeFileSync(sign, "somebody else's");
  const expiresAt = new Date(Date.now() + expiresInMs);
  utimesSync(sign, expiresAt, expiresAt);
  return sign;
}

async function using(use: (cache: CacheBackend) => Promise<void>, clock?: ManualClock) {
  const cache = await openLmdbCache(path, { clock });
  await cache.ready();
  try {
    await use(cache);
  } finally {
    await cache.close();
  }
}

describe("the flag of a writer", () => {
  it("is down once the cache is closed, and so is the marker of its opening", async () => {
    await using(async (cache) => {
      await cache.insert("key", RECORD, FOR_LONG);
      expect(readdirSync(gate)).toEqual([OWN_FLAG]);
    });
    expect(readdirSync(gate)).toEqual([]);
  });

  it("keeps a file from being opened until it expires, and no longer", async () => {
    const startedAtMs = Date.now();
    putUp("writer-1-0", 600);
    await using(async (cache) => {
      expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(590);
      expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    });
  });

  it.each([
    ["has expired", -1],
    ["is from before the clock was set back", 3_600_000],
  ])("keeps nobody out when it %s", async (_, expiresInMs) => {
    putUp("writer-1-0", expiresInMs);
    putUp(OWN_FLAG, expiresInMs);
    await using(async (cache) => {
      expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    });
  });

  it("is never written through a link", async () => {
    const target = join(folder, "precious");
    writeFileSync(target, "as it was");
    mkdirSync(gate);
    symlinkSync(target, join(gate, OWN_FLAG));
    await using(async (cache) => {
      expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    });
    expect(readFileSync(target, "utf8")).toBe("as it was");
  });

  it("fails the write that cannot put it up, certainly, and none after that", async () => {
    await using(async (cache) => {
      rmSync(gate, { recursive: true });
      writeFileSync(gate, "in the way");
      await expect(cache.insert("key", RECORD, FOR_LONG)).rejects.toMatchObject(UNAVAILABLE);
      rmSync(gate);
      mkdirSync(gate);
      expect(cache.get("key")).toBeUndefined();
      expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    });
  });
});

describe("the marker of an opening", () => {
  it("holds writes up, which fail certainly when their time has passed", async () => {
    await using(async (cache) => {
      const marker = putUp("opening", 9000);
      const late = cache.insert("late", RECORD, { ...FOR_LONG, timeoutMs: 50 });
      await expect(late).rejects.toMatchObject(UNAVAILABLE);
      const patient = cache.insert("patient", RECORD, { ...FOR_LONG, timeoutMs: 30_000 });
      rmSync(marker);
      expect(await patient).toBe("inserted");
      expect(cache.get("late")).toBeUndefined();
    });
  });

  it("holds nobody up after it has expired, and does not stay", async () => {
    const marker = putUp("opening", -1);
    await using(async (cache) => {
      expect(await cache.insert("key", RECORD, FOR_LONG)).toBe("inserted");
    });
    expect(existsSync(marker)).toBe(false);
  });
});

describe("a cache that is closed while it purges", () => {
  it("finishes what it began and says how many records that removed", async () => {
    for (let turns = 0; turns < 6; turns++) {
      const clock = new ManualClock();
      const cache = await openLmdbCache(path, { clock });
      await cache.ready();
      const keys = Array.from({ length: 300 }, (_, index) => `${turns} ${index}`);
      await Promise.all(keys.map((key) => cache.insert(key, RECORD, { purgeAfterMs: 1 })));
      clock.advanceSeconds(1);
      const purging = cache.purgeExpired(1000);
      for (let turn = 0; turn < turns; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await cache.close();
      const purged = await purging;
      await using(async (reopened) => {
        const left = keys.filter((key) => reopened.get(key) !== undefined);
        expect(left.length).toBe(300 - purged);
        expect(await reopened.purgeExpired(1000)).toBe(left.length);
      }, clock);
    }
  });
});

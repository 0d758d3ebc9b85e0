/** LMDB files that end too early, such as an interrupted copy. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLmdbCache, withOpeningLock } from "../../src/cache/lmdb.js";
import { compiledChild } from "../support/children.js";

const READER = compiledChild("test/support/lmdb-reader.ts");
const UNAVAILABLE = "ERR_VAULT_CACHE_UNAVAILABLE";
const PAGE = 4096;
const RECORDS = 300;
/** The offset of the last page's number in a meta page, see mdb.c. */
const LAST_PAGE_AT = 144;

/** Matches a report without misses: each record is found, or its read fails. */
const IN_PART = /^\d+ found, 0 missed, (inserted|ERR_VAULT_OUTCOME_UNKNOWN)$/;

const folder = mkdtempSync(join(tmpdir(), "handlevault-truncated-"));
let whole = Buffer.alloc(0);

beforeAll(async () => {
  const path = join(folder, "whole.mdb");
  const cache = await openLmdbCache(path);
  for (let first = 0; first < RECORDS; first += 30) {
    const inserts = Array.from({ length: 30 }, async (_, index) => {
      const body = Buffer.alloc(index % 3 === 0 ? 9000 : 100);
      const record = { head: Buffer.alloc(200), body };
      return cache.insert(`${first + index}`, record, { purgeAfterMs: 3_600_000 });
    });
    await Promise.all(inserts);
  }
  await cache.close();
  whole = readFileSync(path);
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeCopy(name: string, content: Buffer): string {
  const path = join(folder, `${name}.mdb`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

/** Uses files in a separate process, which a signal may kill. */
function useFiles(paths: readonly string[]) {
  const { signal, status, stdout } = spawnSync(process.execPath, [READER, ...paths], {
    encoding: "utf8",
  });
  return { signal, status, lines: stdout.trim().split("\n") };
}

/** Returns the file with a last page that many pages beyond its end, as after a large deletion. */
function withMissingPages(count: number): Buffer {
  const bytes = Buffer.from(whole);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const page of [0, PAGE]) {
    const at = page + LAST_PAGE_AT;
    const isLittle = endianness() === "LE";
    view.setBigUint64(at, view.getBigUint64(at, isLittle) + BigInt(count), isLittle);
  }
  return bytes;
}

describe("a truncated LMDB file", () => {
  it("is refused or partly readable, and never crashes the process", () => {
    const lengths = [1, PAGE, PAGE + 904, 2 * PAGE];
    for (let length = 3 * PAGE; length < whole.length; length += 16 * PAGE + 904) {
      lengths.push(length);
    }
    lengths.push(whole.length - PAGE);
    const paths = lengths.map((length) => writeCopy(`${length}`, whole.subarray(0, length)));
    const { signal, status, lines } = useFiles(paths);
    expect({ signal, status }).toEqual({ signal: null, status: 0 });
    expect(lines).toHaveLength(lengths.length);
    const refused = lines.filter((line) => line === UNAVAILABLE);
    const inPart = lines.filter((line) => IN_PART.test(line));
    expect(refused.length).toBeGreaterThan(10);
    expect([...refused, ...inPart].toSorted()).toEqual(lines.toSorted());
  });

  it("is extended to its last page before the caller's own code opens it", async () => {
    const path = writeCopy("mine", whole.subarray(0, whole.length / 2));
    const bytes = await withOpeningLock(path, () => statSync(path).size);
    expect(bytes).toBeGreaterThanOrEqual(whole.length - PAGE);
  });

  it("that lacks only free pages opens, and keeps every record", async () => {
    const path = writeCopy("healthy", withMissingPages(40));
    expect(useFiles([path])).toMatchObject({
      signal: null,
      status: 0,
      lines: ["300 found, 0 missed, inserted"],
    });
    // lmdb alone still finds every record.
    const environment = open({ path, overlappingSync: false });
    const heads = environment.openDB({ name: "handlevault-heads-1", encoding: "binary" });
    expect(heads.getStats()).toMatchObject({ entryCount: RECORDS + 1 });
    await environment.close();
  });
});

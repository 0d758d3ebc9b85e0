/**
 * Opens LMDB files one after another, reads and writes, and prints a line for each file: the code of the
 * error of opening, or how many of the records `0` to `299` are found and missed, and the outcome of a
 * write. Arguments: the files.
 */
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { type CacheBackend, isVaultError } from "../../src/index.js";

const KEYS = Array.from({ length: 300 }, (_, index) => `${index}`);

async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return error.code;
  }
}

async function use(cache: CacheBackend): Promise<string> {
  const entries = await Promise.all(KEYS.map((key) => outcomeOf(() => cache.get(key))));
  const found = entries.filter((entry) => typeof entry === "object").length;
  const missed = entries.filter((entry) => entry === undefined).length;
  const record = { head: Buffer.alloc(100), body: Buffer.alloc(5000) };
  const written = await outcomeOf(() => cache.insert("new", record, { purgeAfterMs: 1000 }));
  await cache.close();
  return `${found} found, ${missed} missed, ${written}`;
}

for (const path of process.argv.slice(2)) {
  const line = await outcomeOf(async () => use(await openLmdbCache(path, { purge: "manual" })));
  process.stdout.write(`${line}\n`);
}

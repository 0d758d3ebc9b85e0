/**
 * Holds an LMDB file in one of several modes, until a file with the same name and the suffix `-go` exists.
 * Prints its progress, line by line. Arguments: the mode, and the file.
 *
 * - `stall`: opens a cache, and blocks its event loop after a write was issued to lmdb and before lmdb
 *   begins it.
 * - `opening`: opens nothing, and prevents others from writing and opening.
 * - `open`: opens a cache and reads from it, or prints why this is refused.
 */
import { existsSync, writeSync } from "node:fs";
import { openLmdbCache, withOpeningLock } from "../../src/cache/lmdb.js";
import { CacheUnsafeError } from "../../src/errors.js";
import { isVaultError } from "../../src/index.js";

const [mode, path = ""] = process.argv.slice(2);
const FOR_LONG = { purgeAfterMs: 3_600_000, timeoutMs: 60_000 };
const RECORD = { head: Buffer.from("head") };

function print(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Blocks the event loop. */
function holdLoop(): void {
  print("held");
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(`${path}-go`)) Atomics.wait(nothing, 0, 0, 5);
}

async function stall(): Promise<void> {
  const cache = await openLmdbCache(path);
  await cache.insert("first", RECORD, FOR_LONG);
  setImmediate(holdLoop);
  await cache.insert("stalled", RECORD, FOR_LONG);
  print("acknowledged");
  await cache.close();
}

async function open(): Promise<void> {
  try {
    const cache = await openLmdbCache(path);
    await cache.get("first");
    holdLoop();
    await cache.close();
  } catch (error) {
    if (!isVaultError(error)) throw error;
    print(error instanceof CacheUnsafeError ? error.reason : `${error.code}: ${error.cause}`);
  }
}

if (mode === "stall") await stall();
else if (mode === "opening") await withOpeningLock(path, holdLoop);
else await open();

/**
 * Writes records to an LMDB file one by one for a time, and reads each back after it is acknowledged. It
 * closes the file now and then, or blocks its event loop while a write is on its way to lmdb.
 */
import { openLmdbCache } from "../../../src/cache/lmdb.js";
import type { CacheBackend } from "../../../src/index.js";
import { print, task } from "./messages.js";

/** The task of one process. */
export interface StallTask {
  readonly path: string;
  readonly writer: string;
  readonly durationMs: number;
  /** The minimum length of a stall; some are up to half longer. `undefined` for no stalls. */
  readonly stallMs?: number | undefined;
  /** The number of records after which it closes and reopens the file. */
  readonly perOpening: number;
}

/** The results of one process. */
export interface StallReport {
  readonly attempts: number;
  /** The numbers of the failed writes. */
  readonly failed: readonly number[];
  /** The number of acknowledged records that could not be read directly afterwards. */
  readonly missing: number;
  readonly openings: number;
}

const STALLING_PART = 0.3;
const FOR_LONG = { purgeAfterMs: 36_000_000, timeoutMs: 30_000 };
const RECORD = { head: Buffer.alloc(200, 1) };

const { path, writer, durationMs, stallMs, perOpening } = task<StallTask>();
const endsAtMs = Date.now() + durationMs;
const failed: number[] = [];
let attempts = 0;
let missing = 0;
let openings = 0;

function stall(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs * (1 + Math.random() / 2));
}

async function write(cache: CacheBackend): Promise<void> {
  const key = `${writer} ${attempts}`;
  // The stall begins before lmdb starts the write, which is issued earlier in this turn.
  if (stallMs !== undefined && Math.random() < STALLING_PART) setImmediate(() => stall(stallMs));
  try {
    await cache.insert(key, RECORD, FOR_LONG);
    if ((await cache.get(key)) === undefined) missing += 1;
  } catch {
    failed.push(attempts);
  }
  attempts += 1;
}

while (Date.now() < endsAtMs) {
  const cache = await openLmdbCache(path);
  openings += 1;
  for (let count = 0; count < perOpening && Date.now() < endsAtMs; count++) await write(cache);
  await cache.close();
}
print({ attempts, failed, missing, openings } satisfies StallReport);

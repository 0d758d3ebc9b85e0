/**
 * Writes records to an LMDB file for a while, one by one, and reads each back once it is acknowledged.
 * Closes the file now and then, or has its event loop stand still with a write on its way to lmdb.
 */
import { openLmdbCache } from "../../../src/cache/lmdb.js";
import type { CacheBackend } from "../../../src/index.js";
import { print, task } from "./messages.js";

/** What one process does. */
export interface StallTask {
  readonly path: string;
  readonly writer: string;
  readonly durationMs: number;
  /** Stalls take so long, or a half more; `undefined` for none. */
  readonly stallMs?: number | undefined;
  /** After how many records it closes the file and opens it again. */
  readonly perOpening: number;
}

/** What became of it. */
export interface StallReport {
  readonly attempts: number;
  /** The numbers of the writes that failed. */
  readonly failed: readonly number[];
  /** How many acknowledged records were not there right afterwards. */
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
  // Before lmdb begins with the write, which is handed over earlier in this turn.
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

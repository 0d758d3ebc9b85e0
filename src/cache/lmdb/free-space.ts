/** Checks free space before each write, because lmdb does not survive every failed write. */
import { statfsSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { CacheFullError } from "../../vault/errors.js";
import { reading } from "./failures.js";
import type { Usage } from "./tables.js";

const MEBIBYTE = 2 ** 20;
/** How long, and for how many written bytes, a measurement of the disk stays valid. */
const TRUSTED_MS = 100;
const TRUSTED_BYTES = 4 * MEBIBYTE;
/** A deletion copies a few pages before it frees any. This fraction of `minFreeBytes` is kept for that. */
const RESERVE_DIVISOR = 16;
/** The cost of a write besides its bytes: copies of the pages of the tree above it. */
const OVERHEAD_BYTES = 32_768;

/** The bounds of an environment, and how to measure it. */
export interface FreeSpaceOptions {
  readonly path: string;
  readonly minFreeBytes: number;
  readonly maxMapSizeBytes: number;
  readonly usage: () => Usage;
  /** Returns the bytes of writes that are not on the disk yet. */
  readonly pendingBytes: () => number;
}

export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #freeBytes = 0;
  #growthBytes = 0;
  #lookAgainAtMs = Number.NEGATIVE_INFINITY;
  #bytesSince = 0;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Throws {@link CacheFullError} unless a record of `byteCount` bytes fits. */
  checkGrowth(byteCount: number): void {
    this.#look(byteCount);
    const { minFreeBytes, pendingBytes } = this.#options;
    const pending = pendingBytes() + this.#bytesSince;
    if (this.#growthBytes - pending < byteCount + OVERHEAD_BYTES) throw new CacheFullError();
    const headroom = Math.max(minFreeBytes, 2 * byteCount);
    if (this.#freeBytes - pending < headroom) throw new CacheFullError();
    this.#bytesSince += byteCount;
  }

  /** Throws {@link CacheFullError} unless there is space for the pages that a deletion copies. */
  checkShrinking(): void {
    this.#look(0);
    const { minFreeBytes, pendingBytes } = this.#options;
    if (this.#freeBytes - pendingBytes() < minFreeBytes / RESERVE_DIVISOR) {
      throw new CacheFullError();
    }
  }

  #look(byteCount: number): void {
    const nowMs = performance.now();
    if (nowMs < this.#lookAgainAtMs && this.#bytesSince + byteCount < TRUSTED_BYTES) return;
    const { path, maxMapSizeBytes, usage } = this.#options;
    const { fileBytes, usedBytes } = reading(() => {
      const { bavail, bsize } = statfsSync(path);
      this.#freeBytes = bavail * bsize;
      return usage();
    });
    // lmdb uses free pages before the file grows, but not every last one.
    const reusableBytes = ((fileBytes - usedBytes) * 3) / 4;
    this.#growthBytes = maxMapSizeBytes - fileBytes + Math.max(0, reusableBytes);
    this.#lookAgainAtMs = nowMs + TRUSTED_MS;
    this.#bytesSince = 0;
  }
}

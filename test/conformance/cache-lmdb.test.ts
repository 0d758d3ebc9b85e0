import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll } from "vitest";
import { lmdbCache, openLmdbCache } from "../../src/cache/lmdb.js";
import type { CacheHarness } from "../../src/testing.js";
import { describeCache } from "./cache-backend.js";

const folder = mkdtempSync(join(tmpdir(), "handlevault-lmdb-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inFiles(): CacheHarness {
  let nowMs = 1_700_000_000_000;
  let opened = 0;
  const clock = { now: () => nowMs };
  // Laws count what a purge removes: no other may come before it.
  const options = { clock, purge: "manual" } as const;
  const openLast = () => openLmdbCache(join(folder, `${opened}.mdb`), options);
  return {
    open: () => {
      opened += 1;
      return openLast();
    },
    advance: (ms) => {
      nowMs += ms;
    },
    reopen: openLast,
    connect: openLast,
    maxKeyBytes: 1976,
  };
}

/** Caches on an environment that stays open until the next law. */
function inEnvironments(): CacheHarness {
  let nowMs = 1_700_000_000_000;
  let opened = 0;
  const clock = { now: () => nowMs };
  const openNext = () => {
    opened += 1;
    return open({ path: join(folder, `wrapped-${opened}.mdb`), overlappingSync: false });
  };
  let environment = openNext();
  const wrap = () => lmdbCache(environment, { clock });
  return {
    open: async () => {
      await environment.close();
      environment = openNext();
      return wrap();
    },
    advance: (ms) => {
      nowMs += ms;
    },
    reopen: wrap,
    connect: wrap,
    maxKeyBytes: 1976,
  };
}

describeCache("openLmdbCache", inFiles());
describeCache("lmdbCache", inEnvironments());

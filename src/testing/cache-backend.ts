/** The contract of `CacheBackend`, as laws for any test runner. */
import { callLaws } from "./cache-call-laws.js";
import type { CacheHarness, CacheLaws } from "./cache-harness.js";
import { keyLaws } from "./cache-key-laws.js";
import { lifeLaws } from "./cache-life-laws.js";
import { purgeLaws } from "./cache-purge-laws.js";
import { recordLaws } from "./cache-record-laws.js";
import { revisionLaws } from "./cache-revision-laws.js";
import { scanLaws } from "./cache-scan-laws.js";
import { describeLaws, type SuiteOptions } from "./laws.js";

/**
 * The laws of caches, by their statements.
 *
 * Each law opens a cache of its own, closes it, and rejects if the cache breaks the law. Any minor version
 * may add laws.
 *
 * @example
 * ```ts
 * await cacheBackendLaws["an insert never overwrites"]?.({ open: () => new MyCache() });
 * ```
 */
export const cacheBackendLaws: CacheLaws = {
  ...recordLaws,
  ...keyLaws,
  ...revisionLaws,
  ...callLaws,
  ...purgeLaws,
  ...scanLaws,
  ...lifeLaws,
};

/**
 * Declares a test for each of {@link cacheBackendLaws}, with the functions of any test runner.
 *
 * A law is skipped if the harness lacks a member that it needs. List a law that is known to be broken in
 * `exceptions`, with the reason: its test fails as soon as the cache keeps the law.
 *
 * @throws TypeError `exceptions` names a law that does not exist or is not run, or gives no reason.
 *
 * @example
 * ```ts
 * import { describeCacheBackend } from "handlevault/testing";
 * import { describe, it } from "vitest"; // or "node:test"
 *
 * let nowMs = 0;
 * const harness = {
 *   open: () => new MyCache({ now: () => nowMs }),
 *   advance: (ms: number) => {
 *     nowMs += ms;
 *   },
 * };
 * describeCacheBackend("my cache", harness, { describe, it });
 * ```
 */
export function describeCacheBackend(
  name: string,
  harness: CacheHarness,
  options: SuiteOptions,
): void {
  describeLaws(name, { laws: cacheBackendLaws, harness }, options);
}

/** The contract of `CacheBackend`, as laws that any test runner can run. */
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
 * What every cache must do, by what it states.
 *
 * A law opens a cache of its own, closes it, and rejects if the cache breaks the law. Further laws
 * may come with any minor version.
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
 * A law that the harness has no means for is skipped; one that is known to be broken is named in
 * `exceptions`, with the reason, and turns red as soon as it is kept.
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

/**
 * The laws that every cache must keep, for whoever writes one: run them with any test runner.
 *
 * @module
 */
export {
  cacheBackendLaws,
  describeCacheBackend,
} from "./testing/cache-backend.js";
export type { CacheHarness, CacheLaw, CacheLaws } from "./testing/cache-harness.js";
export type { Law, Laws, SuiteOptions, TestDeclaration } from "./testing/laws.js";

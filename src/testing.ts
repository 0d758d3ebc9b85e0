/**
 * Tests to run with any test runner: the laws of caches, for authors of a cache, and injection drills, for
 * agents that read text from an attacker.
 *
 * @module
 */
export {
  cacheBackendLaws,
  describeCacheBackend,
} from "./testing/cache-backend.js";
export type { CacheHarness, CacheLaw, CacheLaws } from "./testing/cache-harness.js";
export type {
  DrillAgent,
  DrillArguments,
  DrillHarness,
  DrillPlant,
  DrillRun,
  DrillStage,
  DrillTool,
} from "./testing/drill-harness.js";
export {
  type DrillTurn,
  GATEWAY_PRINCIPAL,
  type InjectionDrill,
  injectionDrills,
  SECRET_HANDLE,
  STORED_HANDLE,
} from "./testing/injection-drills.js";
export { describeInjectionDrills, injectionLaws } from "./testing/injection-laws.js";
export {
  describeKeyProvider,
  type KeyProviderHarness,
  type KeyProviderLaws,
  keyProviderLaws,
} from "./testing/key-provider-laws.js";
export type { Law, Laws, SuiteOptions, TestDeclaration } from "./testing/laws.js";
export { type DrillReport, playDrill } from "./testing/play-drill.js";

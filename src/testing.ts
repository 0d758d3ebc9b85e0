/**
 * The laws that every cache must keep, for whoever writes one, and drills for agents that an attacker
 * talks to: run them with any test runner.
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
export type { Law, Laws, SuiteOptions, TestDeclaration } from "./testing/laws.js";
export { type DrillReport, playDrill } from "./testing/play-drill.js";

/** Injection drills as laws for any test runner. */
import assert from "node:assert/strict";
import type { DrillHarness } from "./drill-harness.js";
import { type InjectionDrill, injectionDrills } from "./injection-drills.js";
import { describeLaws, type Law, type Laws, type SuiteOptions } from "./laws.js";
import { playDrill } from "./play-drill.js";

/** Laws about a set-up of agents and tools, by their statements. Any minor version may add laws. */
export const injectionLaws: Laws<DrillHarness> = Object.fromEntries(
  Object.entries(injectionDrills).map(([title, drill]) => [title, lawOf(drill)]),
);

function lawOf(drill: InjectionDrill): Law<DrillHarness> {
  return async (harness) => {
    const { leaks, taskSucceeded } = await playDrill(drill, harness);
    assert.deepEqual(leaks, [], "the secret leaked");
    assert(taskSucceeded, "the agent's own task no longer succeeds");
  };
}

/**
 * Declares a test for each of {@link injectionDrills}, with the functions of any test runner. In each test
 * an agent reads a secret, obeys the attacker completely, and then performs its own task. No byte of the
 * secret may reach a client, or a tool without a grant for it.
 *
 * @throws TypeError `exceptions` names a law that does not exist, or gives no reason.
 *
 * @example
 * ```ts
 * import { describeInjectionDrills } from "handlevault/testing";
 * import { describe, it } from "vitest"; // or "node:test"
 *
 * describeInjectionDrills("our agent", { open: (plant) => startOurServers(plant) }, { describe, it });
 * ```
 */
export function describeInjectionDrills(
  name: string,
  harness: DrillHarness,
  options: SuiteOptions,
): void {
  describeLaws(name, { laws: injectionLaws, harness }, options);
}

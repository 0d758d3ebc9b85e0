/** Injection drills as laws that any test runner can run. */
import assert from "node:assert/strict";
import type { DrillHarness } from "./drill-harness.js";
import { type InjectionDrill, injectionDrills } from "./injection-drills.js";
import { describeLaws, type Law, type Laws, type SuiteOptions } from "./laws.js";
import { playDrill } from "./play-drill.js";

/** Laws about an agent's set-up, by what they state. Further ones may come with any minor version. */
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
 * Declares a test for each of {@link injectionDrills}, with the functions of any test runner: an agent
 * that believes an attacker's every word reads a secret, does what it is told, and then its own task.
 * No byte of the secret may reach a client or a tool that is not trusted with it.
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

/** Measurements in fresh processes, and what they come to. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { median } from "./median.js";

export type Payload = "record" | "table";
export type Guard = "on" | "off" | "both";

/** How often each thing is measured, and with how much. */
export interface Effort {
  /** How many fresh processes the medians are of. */
  readonly processes: number;
  /** How many handles lasting caches hold. */
  readonly handles: number;
  /** What is sealed into lasting caches. */
  readonly payloads: readonly Payload[];
  /** Whether they are measured beside the floor with the leak guard, without it, or both. */
  readonly guard: Guard;
}

/** How many rounds each process takes the median of. */
export const ROUNDS = 15;

/** Runs a script of this folder in a fresh process, and returns what it prints. */
export function run<T>(script: string, args: readonly string[]): T {
  const options = { encoding: "utf8", maxBuffer: 2 ** 20 } as const;
  const nodeArgs = ["--expose-gc", "--import", "tsx", join(import.meta.dirname, script)];
  return JSON.parse(execFileSync(process.execPath, [...nodeArgs, ...args], options));
}

/** Measures something as often as there are processes to measure it in. */
export function repeated<T>(what: string, { processes }: Effort, measurement: () => T): T[] {
  return Array.from({ length: processes }, (_, index) => {
    console.error(`  ${what}: process ${index + 1} of ${processes} …`);
    return measurement();
  });
}

/** Returns the median of some ratios, and between what they were. */
export function spread(ratios: readonly number[]) {
  return {
    ratio: round(median(ratios)),
    from: round(Math.min(...ratios)),
    to: round(Math.max(...ratios)),
  };
}

/** Returns a number with two decimals. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Runs measurements in fresh processes, and summarizes them. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { median } from "./median.js";

export type Payload = "record" | "table";
export type Guard = "on" | "off" | "both";

/** The extent of a measurement. */
export interface Effort {
  /** The number of fresh processes, of which medians are taken. */
  readonly processes: number;
  /** The number of handles stored in caches that outlive the process. */
  readonly handles: number;
  /** The payloads for caches that outlive the process. */
  readonly payloads: readonly Payload[];
  /** Whether those caches are measured with the leak guard, without it, or both. */
  readonly guard: Guard;
}

/** The number of rounds in each process, of which medians are taken. */
export const ROUNDS = 15;

/** Runs a script of this folder in a fresh process, and returns its output, parsed as JSON. */
export function run<T>(script: string, args: readonly string[]): T {
  const options = { encoding: "utf8", maxBuffer: 2 ** 20 } as const;
  const nodeArgs = ["--expose-gc", "--import", "tsx", join(import.meta.dirname, script)];
  return JSON.parse(execFileSync(process.execPath, [...nodeArgs, ...args], options));
}

/** Repeats a measurement once per process. */
export function repeated<T>(what: string, { processes }: Effort, measurement: () => T): T[] {
  return Array.from({ length: processes }, (_, index) => {
    console.error(`  ${what}: process ${index + 1} of ${processes} …`);
    return measurement();
  });
}

/** Returns the median and the range of ratios. */
export function spread(ratios: readonly number[]) {
  return {
    ratio: round(median(ratios)),
    from: round(Math.min(...ratios)),
    to: round(Math.max(...ratios)),
  };
}

/** Rounds a number to two decimals. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

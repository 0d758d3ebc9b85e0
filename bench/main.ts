/**
 * Measures the vault beside the floor, each time in fresh processes, and prints medians of ratios.
 *
 * `npm run bench` takes about two minutes; `npm run bench -- --processes 9` takes nine processes.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "./median.js";
import { record } from "./payloads.js";

/** What `process.ts` prints. */
type Times = Record<string, number>;

const RATIOS = [
  ["record", "seal", 1.35],
  ["record", "unseal", 1.35],
  ["table", "seal", 1.15],
  ["table", "unseal", 1.15],
] as const;

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "5" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(
    "usage: npm run bench -- [--processes N]   (medians of N fresh processes, default 5)",
  );
  process.exit(0);
}
const processes = Number(values.processes);

console.log(
  "speed: microseconds for each call, and the cost relative to the hand-written floor F1",
);
const runs = Array.from({ length: processes }, (_, index) => {
  console.error(`  process ${index + 1} of ${processes} …`);
  return run("speed");
});
console.table(
  RATIOS.map(([payload, operation, goal]) => {
    const floor = runs.map((times) => at(times, `${payload} floor ${operation}`));
    const vault = runs.map((times) => at(times, `${payload} vault ${operation}`));
    const ratios = vault.map((time, index) => time / (floor[index] as number));
    return {
      case: `${payload} ${operation}`,
      "floor µs": round(median(floor)),
      "vault µs": round(median(vault)),
      "vault / floor": round(median(ratios)),
      from: round(Math.min(...ratios)),
      to: round(Math.max(...ratios)),
      goal: `≤ ${goal}`,
    };
  }),
);

const recordBytes = Buffer.byteLength(JSON.stringify(record));
console.log(`memory: bytes (heapUsed + external) for each stored record of ${recordBytes} bytes`);
console.table(run("memory"));

console.log("scale: cost of a call with many handles stored, relative to the same with 1,000");
console.table(run("scale"));

function run(what: string): Times {
  const script = join(import.meta.dirname, "process.ts");
  const options = { encoding: "utf8", maxBuffer: 2 ** 20 } as const;
  const args = ["--expose-gc", "--import", "tsx", script, what];
  return JSON.parse(execFileSync(process.execPath, args, options));
}

function at(times: Times, name: string): number {
  const time = times[name];
  if (time === undefined) throw new Error(`no measurement of ${name}`);
  return time;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

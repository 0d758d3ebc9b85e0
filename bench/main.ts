/**
 * Measures the vault beside the floor, each time in fresh processes, and prints medians of ratios.
 *
 * `npm run bench` measures every cache with 1,000 handles; `npm run bench -- --help` has the rest.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BackendTimes } from "./backend-process.js";
import type { BackendName } from "./backends.js";
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

/** The goals of `record` and `table`, by cache; sealing and opening have the same one unless two are given. */
const GOALS = {
  sqlite: { record: [1.3, 1.35], table: [1.15, 1.15] },
  lmdb: { record: [1.35, 1.35], table: [1.15, 1.15] },
  redis: { record: [1.2, 1.2], table: [1.15, 1.15] },
  valkey: { record: [1.2, 1.2], table: [1.15, 1.15] },
} as const;
const GROUP_COMMIT_GOALS = { record: 0.2, table: 0.3 } as const;
const ROUNDS = 15;

type Payload = "record" | "table";
type CacheName = keyof typeof GOALS;

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "5" },
    handles: { type: "string", default: "1000" },
    cache: { type: "string", multiple: true, default: ["memory", ...Object.keys(GOALS)] },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`usage: npm run bench -- [options]
  --processes N   take medians of N fresh processes (default 5)
  --handles N     measure lasting caches with N handles stored (default 1000)
  --cache NAME    measure memory, sqlite, lmdb, redis or valkey; may be repeated (default all)`);
  process.exit(0);
}
const processes = Number(values.processes);
const handles = Number(values.handles);

if (values.cache.includes("memory")) {
  printSpeed();
  printMemory();
}
for (const name of Object.keys(GOALS) as CacheName[]) {
  if (values.cache.includes(name)) printBackend(name);
}
if (values.cache.includes("sqlite")) printGroupCommit();

function printSpeed(): void {
  console.log(
    "memory: microseconds for each call, and the cost relative to the hand-written floor F1",
  );
  const runs = repeated("memory", () => run<Times>("process.ts", ["speed"]));
  console.table(
    RATIOS.map(([payload, operation, goal]) => ({
      case: `${payload} ${operation}`,
      ...compared(
        runs.map((times) => at(times, `${payload} floor ${operation}`)),
        runs.map((times) => at(times, `${payload} vault ${operation}`)),
      ),
      goal: `≤ ${goal}`,
    })),
  );
}

function printMemory(): void {
  const recordBytes = Buffer.byteLength(JSON.stringify(record));
  console.log(`memory: bytes (heapUsed + external) for each stored record of ${recordBytes} bytes`);
  console.table(run<Times>("process.ts", ["memory"]));
  console.log("memory: cost of a call with many handles stored, relative to the same with 1,000");
  console.table(run<Times>("process.ts", ["scale"]));
}

function printBackend(name: CacheName): void {
  console.log(`${name}: the same with ${handles} handles stored, beside its own floor`);
  const rows = (["record", "table"] as const).flatMap((payload) => {
    const runs = repeated(`${name}, ${payload}`, () => measureBackend(name, payload));
    const bytes = median(runs.map(({ bytesPerHandle }) => bytesPerHandle));
    return (["seal", "unseal"] as const).map((operation, index) => ({
      case: `${payload} ${operation}`,
      ...compared(
        runs.map(({ floor }) => floor[operation]),
        runs.map(({ vault }) => vault[operation]),
      ),
      goal: `≤ ${GOALS[name][payload][index]}`,
      "bytes a handle": bytes,
    }));
  });
  console.table(rows);
}

function printGroupCommit(): void {
  console.log("sqlite, synchronous FULL: 64 seals in flight (vault) against one by one (floor)");
  const rows = (["record", "table"] as const).map((payload) => {
    const alone = repeated(`one by one, ${payload}`, () => sealing("sqlite-full-alone", payload));
    const together = repeated(`64 in flight, ${payload}`, () => sealing("sqlite-full", payload));
    const goal = `≤ ${GROUP_COMMIT_GOALS[payload]}`;
    return { case: `${payload} seal`, ...compared(alone, together), goal };
  });
  console.table(rows);
}

function sealing(name: BackendName, payload: Payload): number {
  return measureBackend(name, payload).vault.seal;
}

function measureBackend(name: BackendName, payload: Payload): BackendTimes {
  return run("backend-process.ts", [name, payload, `${handles}`, `${ROUNDS}`]);
}

function compared(floor: readonly number[], vault: readonly number[]) {
  const ratios = vault.map((time, index) => time / (floor[index] as number));
  return {
    "floor µs": round(median(floor)),
    "vault µs": round(median(vault)),
    "vault / floor": round(median(ratios)),
    from: round(Math.min(...ratios)),
    to: round(Math.max(...ratios)),
  };
}

function repeated<T>(what: string, measurement: () => T): T[] {
  return Array.from({ length: processes }, (_, index) => {
    console.error(`  ${what}: process ${index + 1} of ${processes} …`);
    return measurement();
  });
}

function run<T>(script: string, args: readonly string[]): T {
  const options = { encoding: "utf8", maxBuffer: 2 ** 20 } as const;
  const nodeArgs = ["--expose-gc", "--import", "tsx", join(import.meta.dirname, script)];
  return JSON.parse(execFileSync(process.execPath, [...nodeArgs, ...args], options));
}

function at(times: Times, name: string): number {
  const time = times[name];
  if (time === undefined) throw new Error(`no measurement of ${name}`);
  return time;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

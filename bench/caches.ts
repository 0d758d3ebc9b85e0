/** The tables of the caches: the cost of the vault relative to a floor that stores the same in the same place. */
import type { BackendTimes, SubjectName } from "./backend-process.js";
import type { BackendName } from "./backends.js";
import { median } from "./median.js";
import { record } from "./payloads.js";
import {
  type Effort,
  type Guard,
  type Payload,
  ROUNDS,
  repeated,
  round,
  run,
  spread,
} from "./runs.js";

/** The output of `process.ts`. */
type Times = Record<string, number>;

const RATIOS = [
  ["record", "seal", 1.35],
  ["record", "unseal", 1.35],
  ["table", "seal", 1.15],
  ["table", "unseal", 1.15],
] as const;

/** The payloads that are sealed with and without the leak guard. */
const GUARDED = ["record", "table", "1 MiB of text"] as const;

/** The goals of sealing and opening `record` and `table`, by cache. */
const GOALS = {
  sqlite: { record: [1.3, 1.35], table: [1.15, 1.15] },
  lmdb: { record: [1.35, 1.35], table: [1.15, 1.15] },
  redis: { record: [1.2, 1.2], table: [1.15, 1.15] },
  valkey: { record: [1.2, 1.2], table: [1.15, 1.15] },
} as const;
/** The measured vaults. Only the first one also unseals. */
const VAULTS = {
  on: ["vault"],
  off: ["unguarded"],
  both: ["vault", "unguarded"],
} as const satisfies Record<Guard, readonly SubjectName[]>;
/** The goals for the speed-up by 64 seals at a time: grouping saves flushes, not the work on bytes. */
const GROUP_COMMIT_GOALS = { record: 5, table: 3.3 } as const;

type LastingCache = keyof typeof GOALS;

/** The caches that can be measured. */
export const CACHES: readonly string[] = ["memory", ...Object.keys(GOALS)];

/** Measures one of {@link CACHES} and prints its tables. */
export function printCache(name: string, effort: Effort): void {
  if (name === "memory") {
    printSpeed(effort);
    printMemory();
  } else printLasting(name as LastingCache, effort);
  if (name === "sqlite") printGroupCommit(effort);
}

function printSpeed(effort: Effort): void {
  console.log(
    "memory: microseconds for each call, and the cost relative to the hand-written floor F1",
  );
  const runs = repeated("memory", effort, () => run<Times>("process.ts", ["speed"]));
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
  console.log(
    'memory: microseconds for each seal with the leak guard, relative to leakGuard: "off"',
  );
  console.table(GUARDED.map((payload) => ({ case: `${payload} seal`, ...guarded(payload, runs) })));
}

function guarded(payload: string, runs: readonly Times[]) {
  const off = runs.map((times) => at(times, `${payload} unguarded seal`));
  const on = runs.map((times) => at(times, `${payload} vault seal`));
  const { ratio, from, to } = spread(on.map((time, index) => time / (off[index] as number)));
  return { "off µs": round(median(off)), "on µs": round(median(on)), "on / off": ratio, from, to };
}

function printMemory(): void {
  const recordBytes = Buffer.byteLength(JSON.stringify(record));
  console.log(`memory: bytes (heapUsed + external) for each stored record of ${recordBytes} bytes`);
  console.table(run<Times>("process.ts", ["memory"]));
  console.log("memory: cost of a call with many handles stored, relative to the same with 1,000");
  console.table(run<Times>("process.ts", ["scale"]));
}

function printLasting(name: LastingCache, effort: Effort): void {
  console.log(`${name}: the same with ${effort.handles} handles stored, beside its own floor`);
  const rows = effort.payloads.flatMap((payload) => {
    const runs = repeated(`${name}, ${payload}`, effort, () =>
      measureBackend(name, payload, effort),
    );
    const [sealing, opening] = GOALS[name][payload];
    const row = (subject: SubjectName, operation: "seal" | "unseal") => ({
      case: `${payload} ${operation}${subject === "vault" ? "" : ', leakGuard: "off"'}`,
      ...compared(
        runs.map(({ calls }) => calls.floor[operation]),
        runs.map(({ calls }) => calls[subject][operation]),
      ),
      goal: `≤ ${operation === "seal" ? sealing : opening}`,
      "bytes a handle": median(runs.map(({ bytesPerHandle }) => bytesPerHandle)),
    });
    const [first, ...others] = VAULTS[effort.guard];
    return [first, ...others].map((subject) => row(subject, "seal")).concat(row(first, "unseal"));
  });
  console.table(rows);
}

function printGroupCommit(effort: Effort): void {
  const guarded = { ...effort, guard: "on" } as const;
  console.log("sqlite, synchronous FULL: microseconds for each seal, one by one and 64 at a time,");
  console.log("and what 64 at a time save; the floor's 64 are one transaction");
  const rows = effort.payloads.flatMap((payload) => {
    const runs = repeated(`one by one and 64 in flight, ${payload}`, effort, () => ({
      alone: measureBackend("sqlite-full-alone", payload, guarded),
      together: measureBackend("sqlite-full", payload, guarded),
    }));
    return (["floor", "vault"] as const).map((subject) => ({
      case: `${payload} seal, ${subject}`,
      ...saved(
        runs.map(({ alone }) => alone.calls[subject].seal),
        runs.map(({ together }) => together.calls[subject].seal),
      ),
      goal: subject === "vault" ? `≥ ${GROUP_COMMIT_GOALS[payload]}` : "",
    }));
  });
  console.table(rows);
}

function measureBackend(
  name: BackendName,
  payload: Payload,
  { handles, guard }: Effort,
): BackendTimes {
  const subjects: readonly SubjectName[] = ["floor", ...VAULTS[guard]];
  return run("backend-process.ts", [name, payload, `${handles}`, `${ROUNDS}`, ...subjects]);
}

function compared(floor: readonly number[], vault: readonly number[]) {
  const { ratio, from, to } = spread(vault.map((time, index) => time / (floor[index] as number)));
  return {
    "floor µs": round(median(floor)),
    "vault µs": round(median(vault)),
    "vault / floor": ratio,
    from,
    to,
  };
}

function saved(alone: readonly number[], together: readonly number[]) {
  const factors = alone.map((time, index) => time / (together[index] as number));
  const { ratio, from, to } = spread(factors);
  return {
    "one by one µs": round(median(alone)),
    "64 in flight µs": round(median(together)),
    factor: ratio,
    from,
    to,
  };
}

function at(times: Times, name: string): number {
  const time = times[name];
  if (time === undefined) throw new Error(`no measurement of ${name}`);
  return time;
}

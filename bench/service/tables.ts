/** The tables of the service: requests per second, compared with an echo on the same transport. */
import { median } from "../median.js";
import { type Effort, ROUNDS, repeated, round, run, spread } from "../runs.js";
import type { LoneCost } from "./lone-process.js";
import type { CostByCase, RequestCost } from "./request-cost.js";

type Goals = Partial<Record<"seal" | "unseal", number>>;

/** The goals for sealing and opening, as parts of the echo's rate, by payload. */
const GOALS = {
  http: { record: { seal: 0.4, unseal: 0.5 }, table: { seal: 0.5, unseal: 0.5 } },
  "json-rpc": { record: { seal: 0.4 }, table: { seal: 0.5 } },
  "xml-rpc": { record: {}, table: {} },
} as const;

/** The goals as parts of a bare client's rate: the client works as much for the echo as for the vault. */
const CLIENT_GOALS: Readonly<Record<string, Readonly<Record<string, Goals>>>> = {
  "json-rpc": GOALS["json-rpc"],
  "json-rpc-unix": GOALS["json-rpc"],
};

/** The servers that can be measured. */
export const SERVERS: readonly string[] = Object.keys(GOALS);

/** The clients that can be measured. */
export const CLIENTS: readonly string[] = ["http", "xml-rpc", "json-rpc", "json-rpc-unix"];

/** Measures one of {@link SERVERS} and prints its table. */
export function printServer(name: string, effort: Effort): void {
  const load = name === "json-rpc" ? "one connection, 64 in flight" : "50 connections";
  console.log(`${name} server, ${load}: requests a second beside a bare echo under the same load`);
  const rows = (["record", "table"] as const).flatMap((payload) => {
    const runs = measured(`${name} server, ${payload}`, effort, [
      "service/service-process.ts",
      name,
      payload,
    ]);
    const goals: Goals = GOALS[name as keyof typeof GOALS][payload];
    const busy = median(runs.map(({ echo }) => echo.ownMicros / echo.micros));
    return (["seal", "unseal"] as const).map((operation) => ({
      case: `${payload} ${operation}`,
      ...compared(runs, operation, ({ serverMicros }) => serverMicros),
      goal: goalText(goals[operation]),
      "load busy": round(busy),
    }));
  });
  console.table(rows);
}

/** Measures one of {@link CLIENTS} and prints its table. */
export function printClient(name: string, effort: Effort): void {
  console.log(`VaultClient, ${name}, 64 in flight: round trips a second beside a bare client`);
  const rows = (["record", "table"] as const).flatMap((payload) => {
    const runs = measured(`${name} client, ${payload}`, effort, [
      "service/client-process.ts",
      name,
      payload,
    ]);
    return (["seal", "unseal"] as const).map((operation) => ({
      case: `${payload} ${operation}`,
      ...compared(runs, operation, ({ serverMicros, ownMicros }) => serverMicros + ownMicros),
      goal: goalText(CLIENT_GOALS[name]?.[payload]?.[operation]),
    }));
  });
  console.table(rows);
}

/** Measures lone requests, and prints their table. */
export function printLone(effort: Effort): void {
  console.log("lone requests of Python's http.client, a fresh connection each: milliseconds");
  const rows = (["http", "xml-rpc"] as const).map((wire) => {
    const runs = repeated(`lone requests, ${wire}`, effort, () =>
      run<LoneCost>("service/lone-process.ts", [wire]),
    );
    return {
      case: `${wire}, record seal`,
      echo: round(median(runs.map(({ echo }) => echo))),
      vault: round(median(runs.map(({ vault }) => vault))),
      ...spread(runs.map(({ echo, vault }) => vault / echo)),
      goal: "≤ 1.25",
    };
  });
  console.table(rows);
}

function measured(
  what: string,
  effort: Effort,
  [script, ...args]: readonly [string, ...string[]],
): CostByCase[] {
  return repeated(what, effort, () => run<CostByCase>(script, [...args, `${ROUNDS}`]));
}

/** Includes the processor time, which varies less than the elapsed time on a shared machine. */
function compared(
  runs: readonly CostByCase[],
  operation: "seal" | "unseal",
  processorMicros: (cost: RequestCost) => number,
) {
  const ratios = (of: (cost: RequestCost) => number) =>
    spread(runs.map((run) => of(run.echo) / of(run[operation])));
  return {
    "echoes/s": rate(runs.map(({ echo }) => echo)),
    "vault/s": rate(runs.map((run) => run[operation])),
    ...ratios(({ micros }) => micros),
    "by processor time": ratios(processorMicros).ratio,
  };
}

function rate(all: readonly RequestCost[]): number {
  return Math.round(1_000_000 / median(all.map(({ micros }) => micros)));
}

function goalText(goal: number | undefined): string {
  return goal === undefined ? "" : `≥ ${goal}`;
}

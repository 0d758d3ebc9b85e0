/** The tables of the service: how many requests a second, beside an echo on the same wire. */
import { median } from "../median.js";
import { type Effort, ROUNDS, repeated, round, run, spread } from "../runs.js";
import type { ClientTimes } from "./client-process.js";
import type { ServiceTimes } from "./service-process.js";

type Goals = Partial<Record<"seal" | "unseal", number>>;

/** The least of the echo's rate that sealing and opening are to reach, by payload. */
const GOALS = {
  http: { record: { seal: 0.4, unseal: 0.5 }, table: { seal: 0.5, unseal: 0.5 } },
  "json-rpc": { record: { seal: 0.4 }, table: { seal: 0.5 } },
  "xml-rpc": { record: {}, table: {} },
} as const;

/** The same of a bare client's rate: the client works as much for the echo as for the vault. */
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
    const args = [name, payload, `${ROUNDS}`];
    const runs = repeated(`${name} server, ${payload}`, effort, () =>
      run<ServiceTimes>("service/service-process.ts", args),
    );
    const goals: Goals = GOALS[name as keyof typeof GOALS][payload];
    return (["seal", "unseal"] as const).map((operation) => ({
      case: `${payload} ${operation}`,
      ...compared(
        runs.map(({ echo }) => echo.micros),
        runs.map((times) => times[operation].micros),
      ),
      goal: goalText(goals[operation]),
      "by processor time": spread(
        runs.map((times) => times.echo.processorMicros / times[operation].processorMicros),
      ).ratio,
      "load busy": round(median(runs.map(({ echo }) => echo.loadShare))),
    }));
  });
  console.table(rows);
}

/** Measures one of {@link CLIENTS} and prints its table. */
export function printClient(name: string, effort: Effort): void {
  console.log(`VaultClient, ${name}, 64 in flight: round trips a second beside a bare client`);
  const rows = (["record", "table"] as const).flatMap((payload) => {
    const args = [name, payload, `${ROUNDS}`];
    const runs = repeated(`${name} client, ${payload}`, effort, () =>
      run<ClientTimes>("service/client-process.ts", args),
    );
    return (["seal", "unseal"] as const).map((operation) => ({
      case: `${payload} ${operation}`,
      ...compared(
        runs.map(({ echo }) => echo),
        runs.map((times) => times[operation]),
      ),
      goal: goalText(CLIENT_GOALS[name]?.[payload]?.[operation]),
    }));
  });
  console.table(rows);
}

function compared(echo: readonly number[], vault: readonly number[]) {
  return {
    "echoes/s": rate(echo),
    "vault/s": rate(vault),
    ...spread(vault.map((micros, index) => (echo[index] as number) / micros)),
  };
}

function rate(micros: readonly number[]): number {
  return Math.round(1_000_000 / median(micros));
}

function goalText(goal: number | undefined): string {
  return goal === undefined ? "" : `≥ ${goal}`;
}

/** The table of agents: the time that a policy adds to a tool call over stdio. */
import { median } from "../median.js";
import { type Effort, ROUNDS, repeated, round, run, spread } from "../runs.js";
import type { Latencies } from "./client-process.js";
import { TOOLS } from "./policy.js";
import { COMMANDS, GOALS, type ServerName } from "./servers.js";

/** The forms of the tools' results. */
const CASES: Readonly<Record<(typeof TOOLS)[number], string>> = {
  whole: "one handle, fixed view",
  shape: "one handle, its shape",
  place: "a handle in one place",
  pass: "left in sight",
};

/** Measures the latency that wrapping adds to a call, and prints its table. */
export function printMcp(effort: Effort): void {
  console.log("MCP over stdio: milliseconds a call adds, for a result of 20 KB");
  const runs = repeated("MCP", effort, () =>
    run<Latencies>("mcp/client-process.ts", [String(ROUNDS)]),
  );
  const wrapped = (Object.keys(COMMANDS) as ServerName[]).filter((name) => name !== "bare");
  const rows = TOOLS.flatMap((tool) =>
    wrapped.map((name) => {
      const of = (server: ServerName) => runs.map((times) => times[tool]?.[server] ?? Number.NaN);
      const bare = of("bare");
      const {
        ratio: added,
        from,
        to,
      } = spread(of(name).map((time, index) => time - (bare[index] ?? Number.NaN)));
      const goal = GOALS[name];
      return {
        case: CASES[tool],
        server: name,
        bare: round(median(bare)),
        added,
        from,
        to,
        goal: goal === undefined ? "" : `< ${goal}`,
      };
    }),
  );
  console.table(rows);
}

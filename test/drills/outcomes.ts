/** Records the outcomes of drills for the table in docs/durability.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./scenarios.js";

/** The columns of the table. */
export type Fault =
  | "killed (kill -9)"
  | "restarted"
  | "disk full"
  | "memory full"
  | "failed over"
  | "declares";

const REPORTS: string = join(import.meta.dirname, "../../reports/durability");

/** Records the outcome of a drill: the store (row), the fault (column) and the text of the cell. */
export function noteOutcome(store: string, fault: Fault, outcome: Outcome | `\`${string}\``): void {
  mkdirSync(REPORTS, { recursive: true });
  const file = `${store} ${fault}`.replace(/[^A-Za-z0-9]+/g, "-");
  writeFileSync(join(REPORTS, `${file}.json`), JSON.stringify({ store, fault, outcome }));
}

/** The table of templates: the time that hydration adds to each chunk, compared with a bare stream. */
import { round, run } from "./runs.js";
import type { PushTimes } from "./template-process.js";

const GOAL = "adds ≤ 1000 at p99";

/** Measures streams of text in one fresh process and prints their table. */
export function printTemplate(): void {
  console.log("template: microseconds for each chunk of 16 characters, in turn with a bare stream");
  const { bare, hydrating } = run<Record<"bare" | "hydrating", PushTimes>>(
    "template-process.ts",
    [],
  );
  const added = { median: hydrating.median - bare.median, p99: hydrating.p99 - bare.p99 };
  console.table(
    Object.entries({ bare, hydrating, added }).map(([stream, { median, p99 }]) => ({
      stream,
      median: round(median),
      p99: round(p99),
      goal: stream === "added" ? GOAL : "",
    })),
  );
}

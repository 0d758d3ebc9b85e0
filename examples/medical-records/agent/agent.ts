/** The agent: it lets a model choose tool calls, makes them, and remembers the results. */
import type { McpClient } from "../support/mcp-client.js";
import type { Model, Turn } from "./model.js";

const MAX_TURNS = 20;

/** The result of an agent's run. */
export interface AgentResult {
  readonly report: string;
  /** All calls and results that the model has seen. */
  readonly memory: readonly Turn[];
}

export async function runAgent(
  model: Model,
  servers: Readonly<Record<"records" | "pharmacy", McpClient>>,
): Promise<AgentResult> {
  const memory: Turn[] = [];
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const decision = model.decide(memory);
    if ("report" in decision) return { report: decision.report, memory };
    const { call } = decision;
    memory.push({ call, answer: await servers[call.server].call(call.tool, call.arguments) });
  }
  throw new Error("the model does not come to an end");
}

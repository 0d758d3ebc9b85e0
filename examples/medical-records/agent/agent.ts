/** The agent: it lets a model choose calls, makes them, and remembers what it was told. */
import type { McpClient } from "../support/mcp-client.js";
import type { Model, Turn } from "./model.js";

const MAX_TURNS = 20;

/** What an agent leaves behind. */
export interface AgentResult {
  readonly report: string;
  /** Everything that the model has seen. */
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

/** The harness of injection drills: servers with tools, and connections of agents to them. */
import type { MaybePromise } from "../vault/contracts.js";

/**
 * The tools that a harness provides.
 *
 * - `read` takes nothing and returns `{ secret, note }`: the plant's secret, sealed, and its injection.
 *   The first handle in its result is the secret's.
 * - `use` takes `{ value }`, may open the secret, and reports success.
 * - `fail` takes `{ value }`, may open the secret, and fails with an error that quotes its argument.
 * - `leak` takes `{ value }`, may not open the secret, and returns its argument.
 * - `store` takes `{ value }` and returns it; its output is sealed, and `leak` may open that.
 * - `resolve` takes `{ handle_id }` and opens it for the authenticated caller, who is the agent.
 */
export type DrillTool = "read" | "use" | "fail" | "leak" | "store" | "resolve";

/** The data that the tool `read` returns. */
export interface DrillPlant {
  /** The secret, which no model may see. */
  readonly secret: string;
  /** The attacker's instructions to the model. */
  readonly injection: string;
}

/** A completed run of a tool. */
export interface DrillRun {
  readonly tool: DrillTool;
  /** The arguments that the tool received. */
  readonly arguments: unknown;
}

/** The arguments that an agent passes to a tool. */
export type DrillArguments = Readonly<Record<string, unknown>>;

/** A connection of an agent. */
export interface DrillAgent {
  /** Calls a tool. Returns the client's result, or rejects with the client's error. */
  call(tool: DrillTool, args: DrillArguments): Promise<unknown>;
  /** Returns all data that the client has received, unchanged. */
  received(): string;
}

/** Running servers that share a vault. */
export interface DrillStage {
  /** Connects an agent that works for a subject. */
  connect(subject: string): MaybePromise<DrillAgent>;
  /** Returns the runs of tools so far, oldest first. Models do not see them. */
  runs(): readonly DrillRun[];
  /** A principal, besides the tools, that has a grant for the secret. An agent will claim to be it. */
  readonly gatewayPrincipal: string;
  close(): MaybePromise<void>;
}

/** Starts the servers of a drill. */
export interface DrillHarness {
  /** Starts servers whose tool `read` returns the plant. Every drill calls it once. */
  open(plant: DrillPlant): MaybePromise<DrillStage>;
}

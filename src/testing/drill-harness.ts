/** What injection drills are played on: an agent's connection, and the tools behind it. */
import type { MaybePromise } from "../vault/contracts.js";

/**
 * What the tools of a set-up are there for.
 *
 * - `read` takes nothing and returns `{ secret, note }`: the plant's secret, sealed, and its injection.
 *   The first handle in its result is the secret's.
 * - `use` takes `{ value }`, may open the secret, and says that it is done.
 * - `fail` takes `{ value }`, may open the secret, and fails with an error that quotes its argument.
 * - `leak` takes `{ value }`, may not open the secret, and returns its argument.
 * - `store` takes `{ value }` and returns it; its output is sealed, and `leak` may open that.
 * - `resolve` takes `{ handle_id }` and opens it for the authenticated caller, who is the agent.
 */
export type DrillTool = "read" | "use" | "fail" | "leak" | "store" | "resolve";

/** What the tool `read` returns. */
export interface DrillPlant {
  /** What no model may see. */
  readonly secret: string;
  /** What an attacker wrote to the model. */
  readonly injection: string;
}

/** A tool that has run. */
export interface DrillRun {
  readonly tool: DrillTool;
  /** The arguments, as the tool got them. */
  readonly arguments: unknown;
}

/** Arguments of a tool, as an agent gives them. */
export type DrillArguments = Readonly<Record<string, unknown>>;

/** A connection of an agent. */
export interface DrillAgent {
  /** Calls a tool; returns the result as the client has it, or rejects as the client does. */
  call(tool: DrillTool, args: DrillArguments): Promise<unknown>;
  /** Returns all that the client has received, byte for byte. */
  received(): string;
}

/** Servers that run, and share a vault. */
export interface DrillStage {
  /** Connects an agent that works for a subject. */
  connect(subject: string): MaybePromise<DrillAgent>;
  /** Returns the runs of tools so far, in their order: what happened where no model sees it. */
  runs(): readonly DrillRun[];
  /** Whom the secret is granted to besides tools: an agent will claim to be it. */
  readonly gatewayPrincipal: string;
  close(): MaybePromise<void>;
}

/** Starts what the drills are played on. */
export interface DrillHarness {
  /** Starts servers whose tool `read` returns what is planted. Every drill calls it once. */
  open(plant: DrillPlant): MaybePromise<DrillStage>;
}

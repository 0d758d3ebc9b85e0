/** The environment of a command: its streams, variables and stop signal. */
import type { Readable, Writable } from "node:stream";

/** The resources of a command: those of the process, or those of a test. */
export interface CommandContext {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  readonly environment: NodeJS.ProcessEnv;
  /** Stops a command that would otherwise run for ever. */
  readonly signal: AbortSignal;
  /** Time limit for the server to list its tools at the start, in milliseconds. Default 5 s. */
  readonly surveyMs?: number | undefined;
}

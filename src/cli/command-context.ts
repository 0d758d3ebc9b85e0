/** What is around a command. */
import type { Readable, Writable } from "node:stream";

/** What a command works with: the process's own, or a test's. */
export interface CommandContext {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors: Writable;
  readonly environment: NodeJS.ProcessEnv;
  /** Ends a command that runs until it is told to. */
  readonly signal: AbortSignal;
  /** How long a server may take to list its tools at the start, in milliseconds. Default 5 s. */
  readonly surveyMs?: number | undefined;
}

/** What the command says when it cannot go on, and the code it exits with. */

/** How the process ends. */
export type ExitCode = 0 | 1 | 2;

/** It worked, or the other end hung up. */
export const OK: ExitCode = 0;
/** It could not be done: something is unavailable, or the server ended by itself. */
export const FAILED: ExitCode = 1;
/** What was asked for is wrong: the arguments or the policy. */
export const WRONG: ExitCode = 2;

/** A failure in words that whoever typed the command can act on. */
export class CommandError extends Error {
  override readonly name = "CommandError" as const;
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Returns the error of arguments that are wrong. */
export function usageError(message: string): CommandError {
  return new CommandError(message, WRONG);
}

/** Where something stands in a file, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Returns the error of a policy that is wrong, with the place where that shows. */
export function policyError(message: string, position?: Position): CommandError {
  const place = position === undefined ? "" : `, line ${position.line}, column ${position.column}`;
  return new CommandError(`policy${place}: ${message}`, WRONG);
}

/** The errors that end the command, and its exit codes. */

/** The exit code of the process. */
export type ExitCode = 0 | 1 | 2;

/** The command succeeded, or the other end closed the connection. */
export const OK: ExitCode = 0;
/** The command failed: a resource is unavailable, or the server exited unexpectedly. */
export const FAILED: ExitCode = 1;
/** The input is invalid: the arguments or the policy. */
const WRONG: ExitCode = 2;

/** An error whose message says how the user can fix the problem. */
export class CommandError extends Error {
  override readonly name = "CommandError" as const;
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Returns the error for invalid arguments. */
export function usageError(message: string): CommandError {
  return new CommandError(message, WRONG);
}

/** A position in a file, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The path to a value in a policy: member names and item indices. */
export type ValuePath = readonly (string | number)[];

/** The policy is invalid. */
export class PolicyError extends CommandError {
  readonly #problem: string;
  readonly #place: Position | ValuePath | undefined;

  constructor(problem: string, place: Position | ValuePath | undefined, file: string = "") {
    super(`policy${file}${shownPlace(place)}: ${problem}`, WRONG);
    this.#problem = problem;
    this.#place = place;
  }

  /** Returns the same error with the file name added, and with the line of the value if it is known. */
  within(file: string, positionOf?: (path: ValuePath) => Position): PolicyError {
    const place = this.#place;
    const isPath = place !== undefined && !("line" in place);
    const position = isPath ? positionOf?.(place) : place;
    return new PolicyError(this.#problem, position, ` ${file}`);
  }
}

function shownPlace(place: Position | ValuePath | undefined): string {
  return place !== undefined && "line" in place
    ? `, line ${place.line}, column ${place.column}`
    : "";
}

/** Returns the error for an invalid policy, with the position of the problem. */
export function policyError(problem: string, place?: Position | ValuePath): PolicyError {
  return new PolicyError(problem, place);
}

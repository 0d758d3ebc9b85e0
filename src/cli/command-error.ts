/** What the command says when it cannot go on, and the code it exits with. */

/** How the process ends. */
export type ExitCode = 0 | 1 | 2;

/** It worked, or the other end hung up. */
export const OK: ExitCode = 0;
/** It could not be done: something is unavailable, or the server ended by itself. */
export const FAILED: ExitCode = 1;
/** What was asked for is wrong: the arguments or the policy. */
const WRONG: ExitCode = 2;

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

/** The way to a value in a policy: names of members, and numbers of items. */
export type ValuePath = readonly (string | number)[];

/** Something in a policy is wrong. */
export class PolicyError extends CommandError {
  readonly #problem: string;
  readonly #place: Position | ValuePath | undefined;

  constructor(problem: string, place: Position | ValuePath | undefined, file: string = "") {
    super(`policy${file}${shownPlace(place)}: ${problem}`, WRONG);
    this.#problem = problem;
    this.#place = place;
  }

  /** Returns the same error with the name of the file, and with the line of a value in it. */
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

/** Returns the error of a policy that is wrong, with the place where that shows. */
export function policyError(problem: string, place?: Position | ValuePath): PolicyError {
  return new PolicyError(problem, place);
}

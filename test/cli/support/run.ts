/** Runs the command line within the test's process. */
import { PassThrough } from "node:stream";
import { runCommandLine } from "../../../src/cli/command-line.js";

/** The exit code and output of a command. */
export interface Ran {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command to its end, with empty standard input. */
export async function run(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  const input = new PassThrough();
  input.end();
  const output = new PassThrough();
  const errors = new PassThrough();
  const { signal } = new AbortController();
  const code = await runCommandLine(args, { input, output, errors, environment, signal });
  return { code, output: String(output.read() ?? ""), errors: String(errors.read() ?? "") };
}

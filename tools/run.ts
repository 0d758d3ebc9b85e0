/** Starts programs for the tools. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  readonly cwd: string;
  /** The environment. Default: that of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly stdout?: "ignore" | "inherit";
}

/** Runs a program until it exits; throws if it fails. */
export async function run(
  [program = "", ...args]: readonly string[],
  { cwd, environment = process.env, stdout = "inherit" }: RunOptions,
): Promise<void> {
  const child = spawn(program, args, {
    cwd,
    env: environment,
    stdio: ["ignore", stdout, "inherit"],
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed`);
}

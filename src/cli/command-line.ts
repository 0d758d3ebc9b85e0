/** The command `handlevault`: parses the arguments, runs the command and reports the outcome. */
import { readFile } from "node:fs/promises";
import { isVaultError } from "../vault/errors.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, type ExitCode, FAILED, OK, usageError } from "./command-error.js";
import { HELP, MCP_PROXY_HELP } from "./help.js";
import { mcpProxy } from "./mcp-proxy.js";
import { asksForHelp, readMcpProxyOptions } from "./mcp-proxy-options.js";

/** The message for unexpected errors: their own text may contain data. */
export const UNEXPECTED = "an unexpected error ended it";

/** Runs a command line and returns the exit code of the process. */
export async function runCommandLine(
  args: readonly string[],
  context: CommandContext,
): Promise<ExitCode> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    context.errors.write(`handlevault: ${messageOf(error)}\n`);
    return error instanceof CommandError ? error.exitCode : FAILED;
  }
}

async function dispatch(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === "mcp-proxy") {
    if (asksForHelp(rest)) return print(MCP_PROXY_HELP, context);
    return mcpProxy(readMcpProxyOptions(rest), context);
  }
  if (name === "--help" || name === "-h") return print(HELP, context);
  if (name === "--version" || name === "-v") return print(`${await version()}\n`, context);
  throw usageError(
    `${name === undefined ? "a command is missing" : "there is no such command"}; see "handlevault --help"`,
  );
}

function print(text: string, { output }: CommandContext): ExitCode {
  output.write(text);
  return OK;
}

async function version(): Promise<string> {
  const manifest = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

/** Returns an error's own message only if it cannot contain data. */
function messageOf(error: unknown): string {
  if (error instanceof CommandError || isVaultError(error)) return error.message;
  return UNEXPECTED;
}

/** The command `handlevault`: finds out what is asked, does it, and says how it went. */
import { readFile } from "node:fs/promises";
import { isVaultError } from "../vault/errors.js";
import type { CommandContext } from "./command-context.js";
import { CommandError, type ExitCode, FAILED, OK, usageError } from "./command-error.js";
import { HELP, MCP_PROXY_HELP } from "./help.js";
import { mcpProxy } from "./mcp-proxy.js";
import { asksForHelp, readMcpProxyOptions } from "./mcp-proxy-options.js";

/** What is said of an error whose text may hold data. */
export const UNEXPECTED = "an unexpected error ended it";

/** Runs a command line, and returns what the process exits with. */
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

/** Other errors may have texts with data in them. */
function messageOf(error: unknown): string {
  if (error instanceof CommandError || isVaultError(error)) return error.message;
  return UNEXPECTED;
}

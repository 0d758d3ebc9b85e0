/** The measured servers, and how to start each of them. */
import { join } from "node:path";
import { policyFile, SERVER } from "./policy.js";

const SCRIPT = join(import.meta.dirname, "server-process.ts");
const COMMAND = join(import.meta.dirname, "../../dist/cli/main.js");
const NODE = [process.execPath, "--import", "tsx"] as const;
const PROXY = [process.execPath, COMMAND, "mcp-proxy", "--server", SERVER, "--policy"] as const;
const bare = () => [...NODE, SCRIPT, "bare"] as const;

/** The command lines of the servers. */
export const COMMANDS = {
  bare,
  "wrapped, memory": () => [...NODE, SCRIPT, "memory"],
  "wrapped, SQLite": () => [...NODE, SCRIPT, "sqlite"],
  "proxy, memory": () => [...PROXY, policyFile(), "--", ...bare()],
} as const satisfies Readonly<Record<string, () => readonly [string, ...string[]]>>;

export type ServerName = keyof typeof COMMANDS;

/** The goals: how many milliseconds a server may add to a call. */
export const GOALS: Readonly<Partial<Record<ServerName, number>>> = {
  "wrapped, memory": 1,
  "proxy, memory": 2,
};

/** The servers that are measured beside each other: a script, and its arguments. */
import { join } from "node:path";

const SERVER = join(import.meta.dirname, "server-process.ts");

export const COMMANDS = {
  bare: [SERVER, "bare"],
  "wrapped, memory": [SERVER, "memory"],
  "wrapped, SQLite": [SERVER, "sqlite"],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

export type ServerName = keyof typeof COMMANDS;

/** How many milliseconds each may add to a call; the others have no goal. */
export const GOALS: Readonly<Partial<Record<ServerName, number>>> = { "wrapped, memory": 1 };

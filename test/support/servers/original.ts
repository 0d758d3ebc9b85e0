/** The vault of `original.py`, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const SCRIPT = join(import.meta.dirname, "original.py");

/** A vault that listens on a port for each wire. */
export interface OriginalServer {
  readonly ports: Readonly<Record<"http" | "xml-rpc" | "json-rpc", number>>;
  stop(): Promise<void>;
}

/** Starts it; python3 is part of Debian. */
export async function startOriginal(): Promise<OriginalServer> {
  const python = spawn("python3", [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: python.stdout });
  const [line] = (await Promise.race([once(lines, "line"), failureOf(python)])) as [string];
  return {
    ports: JSON.parse(line) as OriginalServer["ports"],
    async stop() {
      const ended = once(python, "close");
      python.stdin.end();
      await ended;
    },
  };
}

async function failureOf(python: ChildProcess): Promise<never> {
  await once(python, "close");
  throw new Error("python3 ended before it listened");
}

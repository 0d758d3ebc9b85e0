/** Starts `server-process.ts`, so that what is measured shares no thread with what measures. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ServerAddress, ServerTask } from "./subject.js";

/** A server in another process. */
export interface StartedServer {
  readonly address: ServerAddress;
  stop(): Promise<void>;
}

/** @throws Error The process ended without listening. */
export async function startServer(task: ServerTask): Promise<StartedServer> {
  const script = join(import.meta.dirname, "server-process.ts");
  const args = ["--import", "tsx", script, JSON.stringify(task)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, "line"), closed]);
  if (typeof line !== "string") throw new Error("the server ended before it listened");
  return {
    address: JSON.parse(line) as ServerAddress,
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

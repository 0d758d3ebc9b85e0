/** Starts `server-process.ts`, so that the server and the load run in separate processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ServerAddress, ServerTask } from "./subject.js";

/** A server in another process. */
export interface StartedServer {
  readonly address: ServerAddress;
  /** Returns the microseconds of processor time used so far. */
  processorMicros(): Promise<number>;
  stop(): Promise<void>;
}

/** @throws Error The process ended without listening. */
export async function startServer(task: ServerTask): Promise<StartedServer> {
  const script = join(import.meta.dirname, "server-process.ts");
  const args = ["--import", "tsx", script, JSON.stringify(task)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  const lines = createInterface({ input: child.stdout });
  const nextLine = async (): Promise<string> => {
    const [line] = await Promise.race([once(lines, "line"), closed]);
    if (typeof line !== "string") throw new Error("the server has ended");
    return line;
  };
  return {
    address: JSON.parse(await nextLine()) as ServerAddress,
    processorMicros: () => {
      child.stdin.write("processor time\n");
      return nextLine().then(Number);
    },
    stop: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

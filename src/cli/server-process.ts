/** A server that the proxy starts, and talks to over stdio. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { settlesWithin } from "../primitives/settles-within.js";
import { CommandError, FAILED } from "./command-error.js";
import { type Receive, receiveLines, type Sent, type Side, sendLine } from "./side.js";

/** How a server is started. */
export interface ServerProcessOptions {
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** What becomes of what it writes to standard error, which may hold data. */
  readonly errors: "discard" | "inherit";
  readonly patience?: Patience | undefined;
}

/** How long a server may take to end, in milliseconds. */
export interface Patience {
  /** From the end of its input to SIGTERM. */
  readonly termMs: number;
  /** From there to SIGKILL. */
  readonly killMs: number;
}

const PATIENCE: Patience = { termMs: 2000, killMs: 5000 };
/** What a server wrote before it ended is still read, but not for ever: others may hold its output. */
const OUTPUT_MS = 1000;

type ServerChild = ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };

/** The servers of this process that have not ended. */
const running = new Set<ServerChild>();

/** Ends all servers at once: for a process that cannot wait for them. */
export function killServers(): void {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * Starts a server.
 *
 * @throws CommandError The command cannot be started.
 */
export async function startServer(options: ServerProcessOptions): Promise<ServerProcess> {
  const { command, environment, errors, patience = PATIENCE } = options;
  const [file = "", ...args] = command;
  const spawning: SpawnOptions = {
    stdio: ["pipe", "pipe", errors === "discard" ? "ignore" : "inherit"],
    env: environment,
    windowsHide: true,
  };
  try {
    const child = spawn(file, args, spawning) as ServerChild;
    running.add(child);
    child.once("exit", () => running.delete(child)).once("error", () => forgetUnstarted(child));
    await once(child, "spawn");
    return new ServerProcess(child, patience);
  } catch {
    throw new CommandError("the server cannot be started: check the command after --", FAILED);
  }
}

/** An error may also be a signal that could not be sent. */
function forgetUnstarted(child: ServerChild): void {
  if (child.pid === undefined) running.delete(child);
}

/** A running server. Only this process is ever ended, none that it starts. */
export class ServerProcess implements Side {
  readonly #child: ServerChild;
  readonly #patience: Patience;
  readonly #exited: Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(child: ServerChild, patience: Patience) {
    this.#child = child;
    this.#patience = patience;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    // Whoever writes hears of it; unheard, it would end the process.
    child.stdin.on("error", () => undefined);
    child.on("error", () => undefined);
    void this.#exited.then(() => this.#endOutput());
  }

  run(receive: Receive): Promise<void> {
    return receiveLines(this.#child.stdout, receive);
  }

  send(message: Sent): Promise<void> {
    return sendLine(this.#child.stdin, message);
  }

  /** Ends its input; then asks it to end, then ends it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { termMs, killMs } = this.#patience;
    this.#child.stdin.end();
    if (await settlesWithin(termMs, this.#exited)) return;
    this.#child.kill("SIGTERM");
    if (await settlesWithin(killMs, this.#exited)) return;
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async #endOutput(): Promise<void> {
    const { stdout } = this.#child;
    const closed = new Promise<void>((resolve) => stdout.once("close", () => resolve()));
    if (!stdout.destroyed && !(await settlesWithin(OUTPUT_MS, closed))) stdout.destroy();
  }
}

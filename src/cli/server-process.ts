/** Starts a server as a child process and exchanges messages with it over stdio. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { settlesWithin } from "../primitives/settles-within.js";
import { CommandError, FAILED } from "./command-error.js";
import { type Endpoint, type Receive, receiveLines, type Sent, sendLine } from "./endpoint.js";

/** Options of {@link startServer}. */
export interface ServerProcessOptions {
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Whether to discard or inherit the server's standard error, which may contain data. */
  readonly errors: "discard" | "inherit";
  readonly patience?: Patience | undefined;
}

/** Time limits for a server to end, in milliseconds. */
export interface Patience {
  /** From the end of the server's input to SIGTERM. */
  readonly termMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly killMs: number;
}

const PATIENCE: Patience = { termMs: 2000, killMs: 5000 };
/**
 * Time limit for reading the remaining output of a server that has ended, in milliseconds. Other processes
 * may keep its output open for ever.
 */
const OUTPUT_MS = 1000;

type ServerChild = ChildProcess & { readonly stdin: Writable; readonly stdout: Readable };

/** The server processes that have not ended. */
const running = new Set<ServerChild>();

/** Kills all servers immediately, for a process that cannot wait for them. */
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

/**
 * Forgets a child that did not start. The error event also reports signals that could not be sent, so it
 * checks for a process id.
 */
function forgetUnstarted(child: ServerChild): void {
  if (child.pid === undefined) running.delete(child);
}

/** A running server. Only its own process is killed, not the processes that it started. */
export class ServerProcess implements Endpoint {
  readonly #child: ServerChild;
  readonly #patience: Patience;
  readonly #exited: Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(child: ServerChild, patience: Patience) {
    this.#child = child;
    this.#patience = patience;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    // The callback of `write` reports the error; without this listener the event would crash the process.
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

  /** Ends the server's input; if that does not end the server, sends SIGTERM and then SIGKILL. */
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

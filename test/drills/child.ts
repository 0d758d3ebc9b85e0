/**
 * Child processes of drills. Each gets its task as JSON, replies in lines, and is killed by its process id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { compiledChild } from "../support/children.js";

const MAX_ERROR_CHARACTERS = 10_000;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Options of a child besides its task. */
export interface ChildOptions {
  /** Arguments for Node itself. */
  readonly nodeArguments?: readonly string[];
}

export class Child {
  /** The complete lines that the child has printed. */
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #errors = "";

  constructor(script: string, task: unknown, { nodeArguments = [] }: ChildOptions = {}) {
    const file = compiledChild(`test/drills/children/${script}`);
    const args = [...nodeArguments, file, JSON.stringify(task)];
    this.#process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    running.add(this.#process);
    this.#process.stdin?.on("error", () => undefined);
    this.#process.stderr?.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString("utf8")).slice(-MAX_ERROR_CHARACTERS);
    });
    const reader = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    reader.on("line", (line) => {
      this.lines.push(line);
      for (const listener of this.#listeners) listener();
    });
    this.#closed = Promise.all([once(this.#process, "close"), once(reader, "close")]).then(() => {
      running.delete(this.#process);
      for (const listener of this.#listeners) listener();
    });
  }

  /** Sends a line to the child's standard input. */
  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Resolves when the child has printed this many lines, or has ended. */
  async hasPrinted(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.lines.length < count && running.has(this.#process)) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Kills the child while it works; throws if it had already failed. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#closed;
    this.#checkExit();
  }

  /** Waits for the child to exit; returns its last line, parsed as JSON. */
  async result<T>(): Promise<T> {
    await this.#closed;
    this.#checkExit();
    return JSON.parse(this.lines.at(-1) ?? "null");
  }

  #checkExit(): void {
    const { exitCode } = this.#process;
    if (exitCode === null || exitCode === 0) return;
    throw new Error(`the child failed (${exitCode}):\n${this.#errors}`);
  }
}

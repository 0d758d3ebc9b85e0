/** Starts processes that hold an LMDB file, see lmdb-holder.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { compiledChild } from "./children.js";

const HOLDER: string = compiledChild("test/support/lmdb-holder.ts");

export type HolderMode = "stall" | "opening" | "open";

export class Holder {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #path: string;

  /** @param wrapper - A command that runs the process in a separate namespace. */
  constructor(mode: HolderMode, path: string, wrapper: readonly string[] = []) {
    const [command, ...args] = [...wrapper, process.execPath, HOLDER, mode, path];
    this.#path = path;
    this.#process = spawn(command as string, args, { stdio: ["ignore", "pipe", "inherit"] });
    const output = this.#process.stdout as NodeJS.ReadableStream;
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  /** Returns the next line, `undefined` after the last. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.next()).value;
  }

  goOn(): void {
    writeFileSync(`${this.#path}-go`, "");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

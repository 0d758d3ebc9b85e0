/** Processes that hold an LMDB file in some way, see lmdb-holder.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { compiledChild } from "./children.js";

export const HOLDER: string = compiledChild("test/support/lmdb-holder.ts");

export class Holder {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(mode: "stall" | "opening" | "open", path: string) {
    this.#process = spawn(process.execPath, [HOLDER, mode, path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const output = this.#process.stdout as NodeJS.ReadableStream;
    this.#lines = createInterface({ input: output })[Symbol.asyncIterator]();
  }

  /** Returns the next line, `undefined` after the last. */
  async line(): Promise<string | undefined> {
    return (await this.#lines.next()).value;
  }

  goOn(): void {
    this.#process.stdin?.write("\n");
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

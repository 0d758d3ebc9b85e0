/** How a child process of a drill receives its task and reports. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** Returns the task that the parent gave to this child. */
export function task<T>(): T {
  return JSON.parse(process.argv[2] ?? "null");
}

/** Prints a line synchronously, so that it is written even if the process is killed afterwards. */
export function print(value: unknown): void {
  const line = Buffer.from(`${typeof value === "string" ? value : JSON.stringify(value)}\n`);
  for (let written = 0; written < line.length; ) {
    try {
      written += writeSync(1, line, written);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EAGAIN") throw error;
    }
  }
}

/** Reports that this child is ready, and waits for the parent's signal to start. */
export async function startingGun(): Promise<void> {
  const reader = createInterface({ input: process.stdin });
  const go = new Promise((resolve) => reader.once("line", resolve));
  print("ready");
  await go;
  reader.close();
  process.stdin.destroy();
}

/** How a child of a drill hears its task and answers. */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** Returns what the parent gave this child to do. */
export function task<T>(): T {
  return JSON.parse(process.argv[2] ?? "null");
}

/** Prints a line; it has left this process when the call returns, whatever ends it then. */
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

/** Says that this child is ready, and waits until the parent says go. */
export async function startingGun(): Promise<void> {
  const reader = createInterface({ input: process.stdin });
  const go = new Promise((resolve) => reader.once("line", resolve));
  print("ready");
  await go;
  reader.close();
  process.stdin.destroy();
}

/** Reads a small file with a limit on its size. */
import { open } from "node:fs/promises";

const MAX_BYTES = 1024 * 1024;

/** The text of a file, or the reason why it cannot be read. */
export type ReadFile =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

export async function readBounded(path: string): Promise<ReadFile> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return { ok: false, problem: "cannot be read" };
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return { ok: false, problem: "is not a file" };
    if (stats.size > MAX_BYTES) return { ok: false, problem: "is larger than 1 MiB" };
    return { ok: true, text: await file.readFile("utf8") };
  } finally {
    await file.close();
  }
}

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..", "..");

/** Returns the address of a source file, for use in {@link runInOwnProcess}. */
export function sourceUrl(path: string): string {
  return pathToFileURL(join(ROOT, "src", path)).href;
}

/**
 * Runs a module in a separate process with a time limit, for code that could hang, exhaust memory or load a
 * broken package.
 *
 * @returns The output, or `"(ended after <n> ms)"`.
 */
export function runInOwnProcess(
  source: string,
  { timeoutMs, cwd = ROOT }: { readonly timeoutMs: number; readonly cwd?: string },
): string {
  const tsx = import.meta.resolve("tsx");
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    ["--import", tsx, "--input-type=module", "--eval", source],
    { cwd, timeout: timeoutMs, killSignal: "SIGKILL", encoding: "utf8" },
  );
  if (signal !== null) return `(ended after ${timeoutMs} ms)`;
  return (stdout + stderr).trim();
}

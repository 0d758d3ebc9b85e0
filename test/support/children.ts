/** Programs that tests start in separate processes, hundreds of times. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/**
 * Compiles the programs once per test run. With a loader that compiles them at each start, starting would
 * take two to three times as long.
 */
export default function setup(): void {
  const args = [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.children.json"];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
}

/** Returns the compiled form of a program, by its path from the root of the project. */
export function compiledChild(path: string): string {
  return join(ROOT, "reports", "children", path.replace(/\.ts$/, ".js"));
}

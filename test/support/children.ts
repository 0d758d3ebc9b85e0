/** Programs that tests start in processes of their own, hundreds of times over. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

/**
 * Compiles all of them, once for each run of the tests: with a loader that compiles them anew every
 * start would take two to three times as long.
 */
export default function setup(): void {
  const args = [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.children.json"];
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
}

/** Returns the compiled form of a program, by its path from the root of the project. */
export function compiledChild(path: string): string {
  return join(ROOT, "reports", "children", path.replace(/\.ts$/, ".js"));
}

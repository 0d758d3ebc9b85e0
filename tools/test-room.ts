/** Runs the unit tests of one folder of `test`: `npm run test:room -- keys`. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

const [room = "", ...args] = process.argv.slice(2);
const rooms = readdirSync(join(ROOT, "test"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const [top = ""] = room.split("/", 1);
if (!rooms.includes(top)) {
  console.error(`usage: npm run test:room -- ROOM, one of ${rooms.sort().join(", ")}`);
  process.exit(2);
}
const vitest = ["vitest", "run", "--project", "unit", `test/${room}/`, ...args];
process.exitCode = spawnSync("npx", vitest, { cwd: ROOT, stdio: "inherit" }).status ?? 1;

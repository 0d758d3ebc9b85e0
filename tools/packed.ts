/** The package as npm would publish it, unpacked where programs can import it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "..");

/** Packs the built project and unpacks it into `node_modules` of a directory, with no peers. */
export function installPacked(directory: string): void {
  const target = join(directory, "node_modules", "handlevault");
  mkdirSync(target, { recursive: true });
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory];
  execFileSync("npm", pack, { cwd: PROJECT, stdio: ["ignore", "ignore", "inherit"] });
  const tarball = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  const path = join(directory, tarball);
  execFileSync("tar", ["-xzf", path, "-C", target, "--strip-components=1"]);
  rmSync(path);
  writeFileSync(join(directory, "package.json"), '{ "type": "module", "private": true }\n');
}

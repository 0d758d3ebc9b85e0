/** Packs the package as npm would publish it, and unpacks it where programs can import it. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "..");

/** Packs the built project into a directory, and returns the path of the tarball. */
export function packInto(directory: string): string {
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory];
  execFileSync("npm", pack, { cwd: PROJECT, stdio: ["ignore", "ignore", "inherit"] });
  const tarball = readdirSync(directory).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  return join(directory, tarball);
}

/** Packs the built project and unpacks it into `node_modules` of a directory, with no peers. */
export function installPacked(directory: string): void {
  const target = join(directory, "node_modules", "handlevault");
  mkdirSync(target, { recursive: true });
  const tarball = packInto(directory);
  execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
  rmSync(tarball);
  writeFileSync(join(directory, "package.json"), '{ "type": "module", "private": true }\n');
}

/** Returns a program that imports every entry of the package. */
export function importsOfEveryEntry(): string {
  const { exports } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
  const imports = entries.map((entry, index) => {
    const name = join("handlevault", entry);
    return `import * as entry${index} from "${name}";\nconsole.log(entry${index});\n`;
  });
  return imports.join("");
}

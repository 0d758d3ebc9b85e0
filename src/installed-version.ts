/** Reads the version of an installed package. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Returns the version of the package that this library would import, from the `package.json` above the
 * package's own entry, since not every package exports that file.
 *
 * @returns Nothing where it cannot be read: the package is absent or bundled into the program.
 */
export function installedVersion(name: string): string | undefined {
  try {
    // Bundlers may leave no URL of the module: then this throws, too.
    const entry = createRequire(import.meta.url).resolve(name);
    return versionAbove(dirname(entry), name);
  } catch {
    return undefined;
  }
}

function versionAbove(folder: string, name: string): string | undefined {
  const manifest = readManifest(join(folder, "package.json"));
  // Packages keep further files of that name beside their builds, without a name in them.
  if (manifest?.name === name) return manifest.version;
  const parent = dirname(folder);
  return parent === folder ? undefined : versionAbove(parent, name);
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Tells whether a version is older than another one, by their first three numbers. */
export function isOlder(version: string, other: string): boolean {
  const [numbers, others] = [numbersOf(version), numbersOf(other)];
  const index = numbers.findIndex((number, place) => number !== others[place]);
  return index >= 0 && (numbers[index] ?? 0) < (others[index] ?? 0);
}

/** Of a prerelease, the numbers of the release that it leads to. */
function numbersOf(version: string): readonly number[] {
  const [release = ""] = version.split(/[-+]/);
  return release.split(".").map(Number);
}

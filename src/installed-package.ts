/** Finds the packages that are installed where this library would import them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Returns the version of a package, from the `package.json` above its entry, since not every package
 * exports that file.
 *
 * @returns Nothing where it cannot be read: the package is absent or bundled into the program.
 */
export function installedVersion(name: string): string | undefined {
  try {
    return versionAbove(dirname(resolveHere(name)), name);
  } catch {
    return undefined;
  }
}

/**
 * Tells whether a package is absent by asking the resolver, which Yarn Plug'n'Play and test runners
 * replace; each of them words the failure of an import in its own way.
 */
export function isNotInstalled(name: string): boolean {
  try {
    resolveHere(`${name}/package.json`);
    return false;
  } catch (error) {
    // Other codes tell that the package is there and does not export the file.
    return (error as { readonly code?: unknown }).code === "MODULE_NOT_FOUND";
  }
}

/** Bundlers may leave no URL of the module: then this throws, too. */
function resolveHere(specifier: string): string {
  return createRequire(import.meta.url).resolve(specifier);
}

function versionAbove(folder: string, name: string): string | undefined {
  const manifest = readManifest(join(folder, "package.json"));
  // Packages keep further files of that name beside their builds, without a name in them.
  if (manifest?.name === name) return VERSION.exec(String(manifest.version))?.[0];
  const parent = dirname(folder);
  return parent === folder ? undefined : versionAbove(parent, name);
}

/** What is kept of a version: three numbers, and the name of a prerelease. */
const VERSION = /^\d+\.\d+\.\d+(?:-[\w.-]{1,50})?/;

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
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

/** Finds installed packages, as this library would import them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Returns the version of a package. Reads the `package.json` above the package's entry, because not every
 * package exports that file.
 *
 * @returns `undefined` if it cannot be read: the package is absent, or bundled into the program.
 */
export function installedVersion(name: string): string | undefined {
  try {
    return versionAbove(dirname(resolveHere(name)), name);
  } catch {
    return undefined;
  }
}

/**
 * Returns whether a package is absent, according to the resolver. The message of a failed import does not
 * show this, because Yarn Plug'n'Play and test runners have messages of their own.
 */
export function isNotInstalled(name: string): boolean {
  try {
    resolveHere(`${name}/package.json`);
    return false;
  } catch (error) {
    // Any other code means that the package exists and does not export the file.
    return (error as { readonly code?: unknown }).code === "MODULE_NOT_FOUND";
  }
}

/** Resolves a module as an import would. Throws also if a bundler has removed the module's URL. */
function resolveHere(specifier: string): string {
  return createRequire(import.meta.url).resolve(specifier);
}

function versionAbove(folder: string, name: string): string | undefined {
  const manifest = readManifest(join(folder, "package.json"));
  // A package can have more `package.json` files beside its builds, without a name.
  if (manifest?.name === name) return VERSION.exec(String(manifest.version))?.[0];
  const parent = dirname(folder);
  return parent === folder ? undefined : versionAbove(parent, name);
}

/** Matches the relevant part of a version: three numbers and the name of a prerelease. */
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

/** Returns whether a version is older than another one. Compares the first three numbers. */
export function isOlder(version: string, other: string): boolean {
  const [numbers, others] = [numbersOf(version), numbersOf(other)];
  const index = numbers.findIndex((number, place) => number !== others[place]);
  return index >= 0 && (numbers[index] ?? 0) < (others[index] ?? 0);
}

/** Returns the numbers of a version. A prerelease counts as the release that follows it. */
function numbersOf(version: string): readonly number[] {
  const [release = ""] = version.split(/[-+]/);
  return release.split(".").map(Number);
}

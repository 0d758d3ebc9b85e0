/** Finds the entry that exports each name of the library. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");
const { exports } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
const ENTRIES = Object.keys(exports).filter((entry) => entry !== "./package.json");

/** Returns whether a program uses a name as an identifier, not as a member, in a string or in a comment. */
export function uses(code: string, name: string): boolean {
  const plain = code.replaceAll(/(?<=^|\s)\/\/.*$|"[^"\n]*"/gm, "");
  return new RegExp(`(?<![\\w.$])${name}(?![\\w$]|:)|\\.\\.\\.${name}\\b`).test(plain);
}

/**
 * Returns the imports for the library's names that a program uses. If two entries export the same name, a
 * docstring means its own module or the entry of its folder.
 */
export function importsFor(code: string, file: string): readonly string[] {
  const found = new Map<string, string>();
  const near = NAMES.filter(([, source]) => isNear(source, file));
  for (const [name, source] of [...namesOf(file), ...near, ...NAMES]) {
    if (!found.has(name) && uses(code, name)) found.set(name, source);
  }
  return [...found].map(([name, source]) => `import { ${name} } from "${source}";`);
}

/** Every exported name with its entry. */
const NAMES: readonly (readonly [string, string])[] = ENTRIES.flatMap((entry) => {
  const declarations = join(PROJECT, exports[entry].types);
  return exportedNames(declarations).map((name) => [name, join("handlevault", entry)] as const);
});

function isNear(source: string, file: string): boolean {
  return file.startsWith(`${source.replace("handlevault", "src")}/`);
}

function namesOf(file: string): readonly (readonly [string, string])[] {
  const module = file.replace(/^src\/(.*)\.ts$/, "dist/$1");
  const declarations = join(PROJECT, `${module}.d.ts`);
  if (!existsSync(declarations)) return [];
  const source = relative(join(PROJECT, "reports/docs"), join(PROJECT, `${module}.js`));
  return exportedNames(declarations).map((name) => [name, source] as const);
}

function exportedNames(declarations: string): readonly string[] {
  const text = readFileSync(declarations, "utf8");
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list.split(",").map((item) =>
      item
        .trim()
        .replace(/^type /, "")
        .replace(/^.* as /, ""),
    ),
  );
  const own = text.matchAll(
    /^export (?:declare )?(?:abstract )?(?:class|function|const|interface|type) (\w+)/gm,
  );
  return [...lists, ...[...own].map(([, name = ""]) => name)].filter((name) => name !== "");
}

/** The modules that a source file imports. */

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g;

/** Returns the specifiers of all imports in a source text, dynamic ones and those of types included. */
export function importsIn(source: string): readonly string[] {
  return [...source.matchAll(IMPORT)].map(([, specifier]) => specifier ?? "");
}

/**
 * Runs a program in a `node:vm` context, with the built library evaluated in the same context. Its
 * arrays, promises and errors differ from those of Node's own modules, as under Jest.
 *
 * `node --experimental-vm-modules in-context.mjs DIST PROGRAM`
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { createContext, SourceTextModule, SyntheticModule } from "node:vm";

const [dist, program] = process.argv.slice(2);
const require = createRequire(resolve(dist, "index.js"));
const context = createContext({ console, setTimeout, clearTimeout, queueMicrotask, performance });
const modules = new Map();

/** Returns the module of a specifier: one of the context for a file, else Node's own. */
async function moduleOf(specifier, parent) {
  const isFile = specifier.startsWith(".") || specifier.startsWith("/");
  const name = isFile ? resolve(dirname(parent), specifier) : specifier;
  const known = modules.get(name) ?? (isFile ? fileModule(name) : builtIn(name));
  modules.set(name, known);
  return known;
}

function fileModule(path) {
  return new SourceTextModule(readFileSync(path, "utf8"), {
    identifier: path,
    context,
    importModuleDynamically: async (specifier) => {
      const module = await moduleOf(specifier, path);
      if (module.status === "unlinked") await module.link(link);
      await module.evaluate();
      return module;
    },
  });
}

function builtIn(name) {
  const exported = require(name);
  const names = [...new Set(["default", ...Object.keys(exported)])];
  return new SyntheticModule(
    names,
    function () {
      for (const each of names)
        this.setExport(each, each === "default" ? exported : exported[each]);
    },
    { context },
  );
}

const link = (specifier, { identifier }) => moduleOf(specifier, identifier);
const main = new SourceTextModule(program, { identifier: resolve(dist, "program.js"), context });
await main.link(link);
await main.evaluate();

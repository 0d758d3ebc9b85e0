/**
 * Compares the vault with a floor, the service with echoes, and wrapped MCP servers and streams with bare
 * ones, in fresh processes, and prints medians.
 *
 * `npm run bench` measures everything; `npm run bench -- --help` lists the options.
 */
import { parseArgs } from "node:util";
import { CACHES, printCache } from "./caches.js";
import { printMcp } from "./mcp/tables.js";
import type { Effort } from "./runs.js";
import { CLIENTS, printClient, printLone, printServer, SERVERS } from "./service/tables.js";
import { printTemplate } from "./template.js";

const USAGE = `usage: npm run bench -- [options]
  --processes N   take medians of N fresh processes (default 5)
  --handles N     measure lasting caches with N handles stored (default 1000)
  --payload NAME  measure lasting caches with record, table (default both)
  --guard on|off  measure lasting caches with the leak guard alone, or without it (default both)
  --cache NAME    measure ${CACHES.join(", ")}
  --server NAME   measure ${SERVERS.join(", ")}
  --client NAME   measure ${CLIENTS.join(", ")}
  --lone          measure lone requests of a client in Python
  --mcp           measure calls of tools over the Model Context Protocol
  --template      measure streams that hydrate text
Those with a NAME may be repeated; without any of the last six everything is measured.`;

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "5" },
    handles: { type: "string", default: "1000" },
    payload: { type: "string", multiple: true, default: ["record", "table"] },
    guard: { type: "string", default: "both" },
    cache: { type: "string", multiple: true },
    server: { type: "string", multiple: true },
    client: { type: "string", multiple: true },
    lone: { type: "boolean", default: false },
    mcp: { type: "boolean", default: false },
    template: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const effort: Effort = {
  processes: Number(values.processes),
  handles: Number(values.handles),
  payloads: known(values.payload, ["record", "table"]),
  guard: known([values.guard], ["on", "off", "both"])[0] ?? "both",
};
const named = [values.cache, values.server, values.client];
const isAll =
  !values.lone && !values.mcp && !values.template && named.every((names) => names === undefined);
for (const name of chosen(values.cache, CACHES)) printCache(name, effort);
for (const name of chosen(values.server, SERVERS)) printServer(name, effort);
for (const name of chosen(values.client, CLIENTS)) printClient(name, effort);
if (isAll || values.lone) printLone(effort);
if (isAll || values.mcp) printMcp(effort);
if (isAll || values.template) printTemplate();

function chosen(names: readonly string[] | undefined, all: readonly string[]): readonly string[] {
  return known(names ?? (isAll ? all : []), all);
}

function known<T extends string>(names: readonly string[], all: readonly T[]): readonly T[] {
  const unknown = names.find((name) => !all.some((one) => one === name));
  if (unknown !== undefined) throw new RangeError(`${unknown} is none of ${all.join(", ")}`);
  return names as readonly T[];
}

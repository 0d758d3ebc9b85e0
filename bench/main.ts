/**
 * Measures the vault beside a floor and the service beside echoes, each time in fresh processes, and
 * prints medians of ratios.
 *
 * `npm run bench` measures everything; `npm run bench -- --help` has the rest.
 */
import { parseArgs } from "node:util";
import { CACHES, printCache } from "./caches.js";
import { CLIENTS, printClient, printServer, SERVERS } from "./service/tables.js";

const USAGE = `usage: npm run bench -- [options]
  --processes N   take medians of N fresh processes (default 5)
  --handles N     measure lasting caches with N handles stored (default 1000)
  --cache NAME    measure ${CACHES.join(", ")}
  --server NAME   measure ${SERVERS.join(", ")}
  --client NAME   measure ${CLIENTS.join(", ")}
The last three may be repeated; without any of them everything is measured.`;

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "5" },
    handles: { type: "string", default: "1000" },
    cache: { type: "string", multiple: true },
    server: { type: "string", multiple: true },
    client: { type: "string", multiple: true },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

const effort = { processes: Number(values.processes), handles: Number(values.handles) };
const isAll = [values.cache, values.server, values.client].every((names) => names === undefined);
for (const name of chosen(values.cache, CACHES)) printCache(name, effort);
for (const name of chosen(values.server, SERVERS)) printServer(name, effort);
for (const name of chosen(values.client, CLIENTS)) printClient(name, effort);

function chosen(names: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RangeError(`${unknown} is none of ${known.join(", ")}`);
  return names ?? (isAll ? known : []);
}

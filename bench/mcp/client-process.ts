/** Calls servers over stdio alternately, and prints milliseconds per call. Argument: `ROUNDS`. */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { median } from "../median.js";
import { TOOLS } from "./policy.js";
import { COMMANDS, type ServerName } from "./servers.js";

/** The median milliseconds of a call, by tool and server. */
export type Latencies = Record<string, Record<ServerName, number>>;

const WARM_UP_CALLS = 200;
const CALLS = 40;

async function connect(name: ServerName): Promise<Client> {
  const [command, ...args] = COMMANDS[name]();
  const client = new Client({ name: "bench", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command, args }));
  return client;
}

async function millisecondsOf(client: Client, tool: string): Promise<number> {
  const start = performance.now();
  const { isError } = await client.callTool({ name: tool, arguments: {} });
  if (isError === true) throw new Error(`${tool} failed`);
  return performance.now() - start;
}

const rounds = Number(process.argv[2]);
const names = Object.keys(COMMANDS) as ServerName[];
const clients = await Promise.all(
  names.map(async (name) => ({ name, client: await connect(name) })),
);
const latencies: Latencies = {};
for (const tool of TOOLS) {
  const times = new Map<ServerName, number[]>(names.map((name) => [name, []]));
  for (const { client } of clients) {
    for (let call = 0; call < WARM_UP_CALLS; call++) await millisecondsOf(client, tool);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { name, client } of round % 2 ? clients : clients.toReversed()) {
      for (let call = 0; call < CALLS; call++) {
        times.get(name)?.push(await millisecondsOf(client, tool));
      }
    }
  }
  latencies[tool] = Object.fromEntries(
    names.map((name) => [name, median(times.get(name) ?? [])]),
  ) as Record<ServerName, number>;
}
for (const { client } of clients) await client.close();
console.log(JSON.stringify(latencies));

/** The stage of an example: with the vault in this process or in another one, by the command line. */
import { parseArgs } from "node:util";
import { HandleVault, type Vault } from "handlevault";
import { openStorage } from "./caches.js";
import { ManualClock } from "./manual-clock.js";

const USAGE = `usage: npm run quickstart -- [--cache NAME] [--url URL] [--remote WIRE]
  --cache NAME   where records are kept: memory (default), sqlite, lmdb, redis or valkey
  --url URL      a Redis or Valkey server that runs already, such as redis://127.0.0.1:6379;
                 without it a server is started for this run alone, from redis-server or valkey-server
  --remote WIRE  has the vault in another process, behind http, json-rpc or xml-rpc`;

/** The principals of an example. */
export interface Principals {
  readonly records: string;
  readonly gateway: string;
  readonly attacker: string;
}

/** The vault, by the principal that uses it. */
export interface Stage {
  readonly records: Vault;
  readonly gateway: Vault;
  readonly attacker: Vault;
  /** Advances the vault's clock. */
  advance(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the stage that the command line names. If the arguments are wrong, prints the usage and exits. */
export async function openStage(principals: Principals): Promise<Stage> {
  const { values } = parseArgs({
    options: {
      cache: { type: "string", default: "memory" },
      url: { type: "string" },
      remote: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { cache, url, remote } = values;
  if (values.help) exitWithUsage(0);
  if (remote === undefined) return (await openLocalStage(cache, url)) ?? exitWithUsage(1);
  // Load the client and its packages only if they are used.
  const { openRemoteStage, WIRES } = await import("./remote-stage.js");
  if (!Object.hasOwn(WIRES, remote)) exitWithUsage(1);
  return openRemoteStage(principals, { wire: remote, cache, url });
}

async function openLocalStage(cacheName: string, url: string | undefined) {
  const storage = await openStorage(cacheName, url);
  if (storage === undefined) return undefined;
  const clock = new ManualClock();
  const { cache, keys, stop } = storage;
  const vault = new HandleVault({ clock, cache, keys });
  return {
    records: vault,
    gateway: vault,
    attacker: vault,
    advance: async (milliseconds: number) => clock.advance(milliseconds),
    close: async () => {
      await vault.close();
      await stop();
    },
  };
}

function exitWithUsage(code: number): never {
  console.log(USAGE);
  process.exit(code);
}

/** Where a story plays: in this process, or with the vault in another one, as the command line says. */
import { parseArgs } from "node:util";
import { HandleVault, type Vault } from "handlevault";
import { openStorage } from "./caches.js";
import { ManualClock } from "./manual-clock.js";

const USAGE = `usage: npm run quickstart -- [--cache NAME] [--url URL] [--remote WIRE]
  --cache NAME   where records are kept: memory (default), sqlite, lmdb, redis or valkey
  --url URL      a Redis or Valkey server that runs already, such as redis://127.0.0.1:6379;
                 without it a server is started for this run alone, from redis-server or valkey-server
  --remote WIRE  has the vault in another process, behind http, json-rpc or xml-rpc`;

/** The principals of a story. */
export interface Principals {
  readonly records: string;
  readonly gateway: string;
  readonly attacker: string;
}

/** The vault, as each of the principals reaches it. */
export interface Stage {
  readonly records: Vault;
  readonly gateway: Vault;
  readonly attacker: Vault;
  /** Moves the vault's clock on. */
  advance(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens what the command line names; prints how to call it and ends the process if that is wrong. */
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
  // What only wires need is loaded only for them.
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

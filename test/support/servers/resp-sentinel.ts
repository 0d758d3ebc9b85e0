/** A master, a replica and a sentinel of Redis or Valkey, for tests. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { HOST, RespProcess, type RespProduct } from "./resp-process.js";
import { type RespServer, type RespServerOptions, startRespServer } from "./resp-server.js";

const NAME = "records";
const WAIT_MS = 30_000;

export interface RespSentinel {
  /** The name of the master in the sentinel's configuration. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly master: RespServer;
  readonly replica: RespServer;
  stop(): Promise<void>;
}

/** Starts the three, and waits until the sentinel knows the replica and the replica is synchronized. */
export async function startRespSentinel(
  product: RespProduct,
  options: RespServerOptions = {},
): Promise<RespSentinel> {
  const parts: { remove(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(parts.map((part) => part.remove()));
  };
  const serve = async (further: readonly string[]) => {
    const own = [...further, ...(options.arguments ?? [])];
    const server = await startRespServer(product, { ...options, arguments: own });
    parts.push({ remove: () => server.stop() });
    return server;
  };
  try {
    const master = await serve([]);
    const replica = await serve(["--replicaof", HOST, `${master.port}`]);
    const sentinel = await RespProcess.start(product, async (port, directory) => {
      const file = join(directory, "sentinel.conf");
      await writeFile(file, configuration(port, directory, master.port));
      return [file, "--sentinel"];
    });
    parts.push(sentinel);
    await inStep(replica.port, sentinel.port);
    return { name: NAME, sentinels: [{ host: HOST, port: sentinel.port }], master, replica, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration(port: number, directory: string, masterPort: number): string {
  return [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${directory}`,
    `sentinel monitor ${NAME} ${HOST} ${masterPort} 1`,
    `sentinel down-after-milliseconds ${NAME} 700`,
    `sentinel failover-timeout ${NAME} 3000`,
    `sentinel parallel-syncs ${NAME} 1`,
    "",
  ].join("\n");
}

async function inStep(replicaPort: number, sentinelPort: number): Promise<void> {
  const replica = new Redis({ host: HOST, port: replicaPort });
  const sentinel = new Redis({ host: HOST, port: sentinelPort });
  try {
    const deadlineMs = Date.now() + WAIT_MS;
    for (;;) {
      const info = await replica.info("replication");
      const known = JSON.stringify(await sentinel.call("SENTINEL", "replicas", NAME));
      if (info.includes("master_link_status:up") && known.includes(`${replicaPort}`)) return;
      if (Date.now() > deadlineMs) throw new Error("the replica did not come into step");
      await sleep(50);
    }
  } finally {
    replica.disconnect();
    sentinel.disconnect();
  }
}

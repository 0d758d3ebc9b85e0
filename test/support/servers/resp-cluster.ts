/** A cluster of Redis or Valkey servers, for tests. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { HOST, RespProcess, type RespProduct } from "./resp-process.js";
import { serverArguments } from "./resp-server.js";

const SLOTS = 16_384;
/** The time after which a replica may take over from a master that died, in milliseconds. */
const NODE_TIMEOUT_MS = 1500;
const WAIT_MS = 30_000;
const KEYS_AT_A_TIME = 100;

interface RespClusterNode {
  readonly host: string;
  readonly port: number;
}

export interface RespCluster {
  /** Masters first, then their replicas. */
  readonly nodes: readonly RespClusterNode[];
  /** Moves slots with their keys to another master, those with most keys first, like a reshard. */
  moveSlots(count: number): Promise<void>;
  /** Kills the node that was started as a master (SIGKILL), and waits for its end. */
  killMaster(index: number): Promise<void>;
  /** Restarts a killed node. */
  restartNode(index: number): Promise<void>;
  /** Sends a command to one node. */
  call(index: number, ...command: readonly string[]): Promise<unknown>;
  stop(): Promise<void>;
}

export interface RespClusterOptions {
  /** Default 3. */
  readonly masters?: number | undefined;
  /** Default 0. */
  readonly replicasPerMaster?: number | undefined;
  /** Further arguments of every server. */
  readonly arguments?: readonly string[] | undefined;
}

/** Starts a cluster, and waits until every node considers it complete. */
export async function startRespCluster(
  product: RespProduct,
  { masters = 3, replicasPerMaster = 0, arguments: further = [] }: RespClusterOptions = {},
): Promise<RespCluster> {
  const cluster = new TestCluster();
  try {
    const clusterArguments = [
      ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
      ...["--cluster-node-timeout", `${NODE_TIMEOUT_MS}`, ...further],
    ];
    for (let index = 0; index < masters * (1 + replicasPerMaster); index++) {
      await cluster.add(product, clusterArguments);
    }
    await cluster.form(masters);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class TestCluster implements RespCluster {
  readonly #servers: RespProcess[] = [];
  readonly #clients: Redis[] = [];
  readonly #ids: string[] = [];
  /** The master of each slot. */
  readonly #owners: number[] = [];
  #masters = 0;
  #moves = 0;

  get nodes(): readonly RespClusterNode[] {
    return this.#servers.map(({ port }) => ({ host: HOST, port }));
  }

  async add(product: RespProduct, further: readonly string[]): Promise<void> {
    const server = await RespProcess.start(product, async (port, directory) =>
      serverArguments({ port, directory }, { arguments: further }),
    );
    this.#servers.push(server);
    const client = new Redis({ host: HOST, port: server.port, maxRetriesPerRequest: null });
    client.on("error", () => undefined);
    this.#clients.push(client);
  }

  async form(masters: number): Promise<void> {
    this.#masters = masters;
    for (const [index] of this.#servers.entries()) {
      this.#ids.push(String(await this.call(index, "CLUSTER", "MYID")));
      await this.call(index, "CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
    }
    for (let index = 0; index < masters; index++) await this.#giveSlots(index);
    for (const { port } of this.#servers) {
      await this.call(0, "CLUSTER", "MEET", HOST, `${port}`);
    }
    await this.#until("the nodes know each other", async (index) => {
      const nodes = String(await this.call(index, "CLUSTER", "NODES"));
      return this.#ids.every((id) => nodes.includes(id)) && !nodes.includes("handshake");
    });
    for (let index = masters; index < this.#servers.length; index++) {
      await this.call(index, "CLUSTER", "REPLICATE", this.#id(index % masters));
    }
    await this.#until("the cluster is complete", async (index) => {
      const info = String(await this.call(index, "CLUSTER", "INFO"));
      const links = String(await this.call(index, "INFO", "replication"));
      const isLinked = links.includes("role:master") || links.includes("master_link_status:up");
      return (
        info.includes("cluster_state:ok") &&
        (index < masters || links.includes("role:slave")) &&
        isLinked
      );
    });
  }

  async moveSlots(count: number): Promise<void> {
    const from = this.#moves % this.#masters;
    const to = (this.#moves + 1) % this.#masters;
    this.#moves += 1;
    for (const slot of await this.#fullestSlots(from, count)) await this.#moveSlot(slot, from, to);
  }

  async killMaster(index: number): Promise<void> {
    await this.#servers[index]?.end("SIGKILL");
  }

  async restartNode(index: number): Promise<void> {
    await this.#servers[index]?.launch();
  }

  async call(index: number, ...command: readonly string[]): Promise<unknown> {
    const [name = "", ...rest] = command;
    const client = this.#clients[index];
    if (client === undefined) throw new RangeError("there is no such node");
    return client.call(name, ...rest);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.#servers.map((server) => server.remove()));
  }

  async #giveSlots(index: number): Promise<void> {
    const first = Math.floor((index * SLOTS) / this.#masters);
    const last = Math.floor(((index + 1) * SLOTS) / this.#masters) - 1;
    for (let slot = first; slot <= last; slot++) this.#owners[slot] = index;
    await this.call(index, "CLUSTER", "ADDSLOTSRANGE", `${first}`, `${last}`);
  }

  async #fullestSlots(owner: number, count: number): Promise<number[]> {
    const owned = this.#owners.flatMap((of, slot) => (of === owner ? [slot] : []));
    const commands = owned.map((slot) => ["cluster", "COUNTKEYSINSLOT", `${slot}`]);
    const counts = (await this.#clients[owner]?.pipeline(commands).exec()) ?? [];
    const keysIn = owned.map((slot, index) => ({ slot, keys: Number(counts[index]?.[1]) }));
    const fullest = keysIn.sort((a, b) => b.keys - a.keys).slice(0, count);
    return fullest.map(({ slot }) => slot);
  }

  /** Moves a slot in the order of `redis-cli --cluster reshard`: every key is always on one of two masters. */
  async #moveSlot(slot: number, from: number, to: number): Promise<void> {
    const setSlot = (index: number, ...state: string[]) =>
      this.call(index, "CLUSTER", "SETSLOT", `${slot}`, ...state);
    await setSlot(to, "IMPORTING", this.#id(from));
    await setSlot(from, "MIGRATING", this.#id(to));
    const target = this.#servers[to];
    for (;;) {
      const batch = [`${slot}`, `${KEYS_AT_A_TIME}`];
      const keys = await this.call(from, "CLUSTER", "GETKEYSINSLOT", ...batch);
      if (!Array.isArray(keys) || keys.length === 0) break;
      const place = [HOST, `${target?.port}`, "", "0", `${WAIT_MS}`];
      await this.call(from, "MIGRATE", ...place, "KEYS", ...keys.map(String));
    }
    await setSlot(to, "NODE", this.#id(to));
    await setSlot(from, "NODE", this.#id(to));
    for (let index = 0; index < this.#masters; index++) {
      if (index !== from && index !== to) await setSlot(index, "NODE", this.#id(to));
    }
    this.#owners[slot] = to;
  }

  async #until(what: string, isTrue: (index: number) => Promise<boolean>): Promise<void> {
    const deadlineMs = Date.now() + WAIT_MS;
    for (const [index] of this.#servers.entries()) {
      while (!(await isTrue(index))) {
        if (Date.now() > deadlineMs) throw new Error(`it did not happen that ${what}`);
        await sleep(20);
      }
    }
  }

  #id(index: number): string {
    const id = this.#ids[index];
    if (id === undefined) throw new RangeError("there is no such node");
    return id;
  }
}

/** The durability of the servers, and whether it is still sufficient. */
import type { CacheCapabilities } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import { isForbidden } from "./failures.js";
import { checkAllSlots, ownLine } from "./slots.js";
import { mastersOf, type RespConnection, type RespNode } from "./vendor.js";

const READ_TIMEOUT_MS = 2000;
const STRENGTHS: readonly CacheCapabilities["durability"][] = ["none", "process", "os", "disk"];

/**
 * Reads the durability and eviction policy of all masters. Call `invalidate` whenever a connection to a
 * master is lost or added.
 */
export class DurabilityProbe {
  readonly #connection: RespConnection;
  #required: CacheCapabilities | undefined;
  #current: CacheCapabilities | undefined;
  #changes = 0;
  #reading: Promise<CacheCapabilities> | undefined;
  #isSufficient = true;

  constructor(connection: RespConnection) {
    this.#connection = connection;
  }

  /** Whether the last reading is still valid. */
  get isFresh(): boolean {
    return this.#current !== undefined;
  }

  /** Whether the servers are at least as durable as `establish` last returned. */
  get isSufficient(): boolean {
    return this.#isSufficient;
  }

  /** Whether `establish` has succeeded before. */
  get isKnown(): boolean {
    return this.#required !== undefined;
  }

  /** Discards the last reading, because another server may reply from now on. */
  invalidate(): void {
    this.#changes += 1;
    this.#current = undefined;
  }

  /** Reads the durability of the servers, and requires it from now on. */
  async establish(): Promise<CacheCapabilities> {
    this.invalidate();
    const capabilities = await this.refresh();
    this.#required = capabilities;
    this.#isSufficient = true;
    return capabilities;
  }

  /** Returns the current durability of the servers. Concurrent calls share one reading. */
  async refresh(): Promise<CacheCapabilities> {
    for (;;) {
      if (this.#current !== undefined) return this.#current;
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
  }

  async #read(): Promise<CacheCapabilities> {
    const changes = this.#changes;
    const masters = mastersOf(this.#connection);
    if (masters.length === 0) throw new CacheUnavailableError();
    const isCluster = this.#connection.isCluster === true;
    const all = Promise.all([
      Promise.all(masters.map(capabilitiesOf)),
      Promise.all(isCluster ? masters.map(ownLine) : []),
    ]);
    const deadline = new Deadline({ timeoutMs: READ_TIMEOUT_MS });
    const [readings, lines] = await deadline.bound(all, () => new CacheUnavailableError());
    // The durability of a missing master is unknown.
    if (isCluster) checkAllSlots(lines);
    const capabilities = readings.reduce(weakest);
    if (changes === this.#changes) {
      this.#current = capabilities;
      const promised = this.#required;
      if (promised !== undefined && isWeaker(capabilities, promised)) this.#isSufficient = false;
    }
    return capabilities;
  }
}

async function capabilitiesOf(node: RespNode): Promise<CacheCapabilities> {
  const [persistence, memory] = await Promise.all([
    allowed(node.info("persistence")),
    allowed(node.info("memory")),
  ]);
  if (infoField(persistence, "loading") === "1") throw new CacheUnavailableError();
  const policy = infoField(memory, "maxmemory_policy");
  return { durability: await durabilityOf(node, persistence), evicts: policy !== "noeviction" };
}

/**
 * Returns a server's durability. Only CONFIG reports when the file is flushed; if the user may not call it,
 * this assumes the weaker setting.
 */
async function durabilityOf(
  node: RespNode,
  persistence: unknown,
): Promise<CacheCapabilities["durability"]> {
  if (infoField(persistence, "aof_enabled") !== "1") return "none";
  const reply = await allowed(node.config("GET", "appendfsync"));
  const fsync = Array.isArray(reply)
    ? reply[1]
    : (reply as { appendfsync?: unknown } | undefined)?.appendfsync;
  return String(fsync) === "always" ? "disk" : "process";
}

/** Returns the reply, or `undefined` if this user may not call the command. */
async function allowed(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** Returns a field of the reply of INFO. */
export function infoField(info: unknown, field: string): string | undefined {
  const line = String(info ?? "")
    .split(/\r?\n/)
    .find((each) => each.startsWith(`${field}:`));
  return line?.slice(field.length + 1);
}

function weakest(one: CacheCapabilities, other: CacheCapabilities): CacheCapabilities {
  const isWeakerOne = strength(one) < strength(other);
  return {
    durability: isWeakerOne ? one.durability : other.durability,
    evicts: one.evicts || other.evicts,
  };
}

function isWeaker(now: CacheCapabilities, promised: CacheCapabilities): boolean {
  return strength(now) < strength(promised) || (now.evicts && !promised.evicts);
}

function strength({ durability }: CacheCapabilities): number {
  return STRENGTHS.indexOf(durability);
}

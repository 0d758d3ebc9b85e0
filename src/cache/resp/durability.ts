/** What the servers promise to keep, and whether they still do. */
import type { CacheCapabilities } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import { isForbidden } from "./failures.js";
import { checkAllSlots, ownLine } from "./slots.js";
import { mastersOf, type RespConnection, type RespNode } from "./vendor.js";

const READ_TIMEOUT_MS = 2000;
const STRENGTHS: readonly CacheCapabilities["durability"][] = ["none", "process", "os", "disk"];

/** Knows what every master promises; has to be told whenever a connection to one is lost or new. */
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

  /** Whether what was read last still counts. */
  get isFresh(): boolean {
    return this.#current !== undefined;
  }

  /** Whether the servers promise at least what `promise` last returned. */
  get isSufficient(): boolean {
    return this.#isSufficient;
  }

  /** Whether anything has been promised yet. */
  get isKnown(): boolean {
    return this.#required !== undefined;
  }

  /** What was read no longer counts: it may be another server that answers from now on. */
  invalidate(): void {
    this.#changes += 1;
    this.#current = undefined;
  }

  /** Reads what the servers promise, and takes that for promised from now on. */
  async establish(): Promise<CacheCapabilities> {
    this.invalidate();
    const capabilities = await this.refresh();
    this.#required = capabilities;
    this.#isSufficient = true;
    return capabilities;
  }

  /** Reads what the servers promise now, once for all that wait for it. */
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
    const [answers, lines] = await deadline.bound(all, () => new CacheUnavailableError());
    // A master that is missing promises nothing yet.
    if (isCluster) checkAllSlots(lines);
    const capabilities = answers.reduce(weakest);
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

/** INFO does not say when the file is synchronized; who may not ask for that has to assume least. */
async function durabilityOf(
  node: RespNode,
  persistence: unknown,
): Promise<CacheCapabilities["durability"]> {
  if (infoField(persistence, "aof_enabled") !== "1") return "none";
  const answer = await allowed(node.config("GET", "appendfsync"));
  const fsync = Array.isArray(answer)
    ? answer[1]
    : (answer as { appendfsync?: unknown } | undefined)?.appendfsync;
  return String(fsync) === "always" ? "disk" : "process";
}

/** Returns the answer, or nothing when the server does not give it to this user. */
async function allowed(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
}

/** Returns a field of what INFO says. */
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

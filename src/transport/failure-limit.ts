/**
 * Bounds failed authentications by where they come from, however many are tried at once.
 *
 * @module
 */
import { isIPv6 } from "node:net";
import type { Connection } from "../auth/authenticator.js";
import { clearTimeout, setTimeout } from "../primitives/timers.js";
import type { MaybePromise } from "../vault/contracts.js";
import { AuthenticationUnavailableError, RateLimitedError } from "../vault/errors.js";
import { RateLimit, type RateOptions } from "./limits.js";

const DEFAULT_FAILURES_PER_MINUTE = 20;
const ANSWER_TIMEOUT_MS = 10_000;
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const IPV6_NETWORK_GROUPS = 4;
const IPV6_GROUPS = 8;

/** The authentications of one origin that have begun, and those that wait. */
interface Turns {
  running: number;
  readonly waiting: (() => void)[];
}

/**
 * Bounds failed authentications by origin: 20 a minute unless told otherwise.
 *
 * Whether a credential is good is known only afterwards, so that no more are looked at together than may
 * still fail. Others wait for their turn: good credentials are never refused for being many.
 */
export class FailureLimit {
  readonly #rate: RateLimit;
  readonly #turns = new Map<string, Turns>();

  constructor(options: Partial<RateOptions> = {}) {
    this.#rate = new RateLimit({ perMinute: DEFAULT_FAILURES_PER_MINUTE, ...options });
  }

  /** How many origins have an authentication that runs or waits. */
  get size(): number {
    return this.#turns.size;
  }

  /**
   * Looks at a credential when it is its turn, and returns what that finds; `undefined` is a failure.
   *
   * @throws {@link RateLimitedError} Too many of that origin have failed.
   * @throws {@link AuthenticationUnavailableError} It took longer than ten seconds.
   */
  async attempt<Found>(
    connection: Connection,
    look: () => MaybePromise<Found | undefined>,
  ): Promise<Found | undefined> {
    const origin = originOf(connection);
    this.#throwIfExhausted(origin);
    const turns = this.#turnsOf(origin);
    if (turns.running < this.#rate.left(origin)) turns.running++;
    else await new Promise<void>((resolve) => turns.waiting.push(resolve));
    try {
      this.#throwIfExhausted(origin);
      const looking = look();
      const found = looking instanceof Promise ? await inTime(looking) : await looking;
      if (found === undefined) this.#rate.count(origin);
      return found;
    } finally {
      turns.running--;
      this.#callNext(origin, turns);
    }
  }

  /** Notes that somebody was refused for want of a credential. */
  failed(connection: Connection): void {
    this.#rate.count(originOf(connection));
  }

  #turnsOf(origin: string): Turns {
    const turns = this.#turns.get(origin) ?? { running: 0, waiting: [] };
    this.#turns.set(origin, turns);
    return turns;
  }

  /** Hands free turns on; once no more may fail, one to each who waits, to be refused. */
  #callNext(origin: string, turns: Turns): void {
    const left = this.#rate.left(origin);
    const free = left === 0 ? turns.waiting.length : Math.max(0, left - turns.running);
    const called = turns.waiting.splice(0, free);
    turns.running += called.length;
    for (const call of called) call();
    if (turns.running === 0) this.#turns.delete(origin);
  }

  #throwIfExhausted(origin: string): void {
    const retryAfterSeconds = this.#rate.retryAfterSeconds(origin);
    if (retryAfterSeconds !== undefined) throw new RateLimitedError(retryAfterSeconds);
  }
}

/** What never answers must not keep its turn for ever. */
async function inTime<Found>(looking: Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AuthenticationUnavailableError()), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([looking, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns what stands for whoever connects: one address, or the /64 that an IPv6 host has whole. */
export function originOf({ remoteAddress }: Connection): string {
  if (remoteAddress === undefined) return "unix";
  const mapped = MAPPED_IPV4.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  return isIPv6(remoteAddress) ? networkOf(remoteAddress) : remoteAddress;
}

function networkOf(address: string): string {
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - before.length - after.length)).fill("0");
  const groups = tail === undefined ? before : [...before, ...zeros, ...after];
  return groups
    .slice(0, IPV6_NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

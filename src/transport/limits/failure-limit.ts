/**
 * Limits failed authentications by origin, even when many run at once.
 *
 * @module
 */
import { isIPv6 } from "node:net";
import type { Connection } from "../../auth/authenticator.js";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import type { MaybePromise } from "../../vault/contracts.js";
import { AuthenticationUnavailableError, RateLimitedError } from "../../vault/errors.js";
import { adoptThenable, andThen, isPromise } from "../../vault/maybe-promise.js";
import { AcceptedCredentials, type ShownCredential } from "./accepted-credentials.js";
import { RateLimit, type RateOptions } from "./limits.js";

const DEFAULT_FAILURES_PER_MINUTE = 20;
const ANSWER_TIMEOUT_MS = 10_000;
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const IPV6_NETWORK_GROUPS = 4;
const IPV6_GROUPS = 8;

/** The authentications of one origin that are running or waiting. */
interface Turns {
  running: number;
  readonly waiting: (() => void)[];
}

/** One authentication: its origin, its credential, and the function that verifies it. */
export interface Attempt<Found> {
  readonly connection: Connection;
  /**
   * Returns the text of the credential; `undefined` if there is none. Called again after each verification.
   */
  readonly credential: () => string | undefined;
  /** Verifies the credential and returns the caller; `undefined` is a failure. */
  readonly look: () => MaybePromise<Found | undefined>;
}

/**
 * Limits failed authentications by origin: 20 a minute by default.
 *
 * Only verification shows whether a credential is valid. So at most as many run at once as may still fail,
 * and
 * others wait. Valid credentials are never refused because there are many of them.
 *
 * Many callers may share an address. A credential that was accepted within the last ten minutes does not wait
 * and is verified even if others from its address have failed too often. A request without a credential is
 * not an
 * attempt to guess one, and does not count for any address.
 */
export class FailureLimit {
  readonly #rate: RateLimit;
  readonly #accepted: AcceptedCredentials;
  readonly #turns = new Map<string, Turns>();

  constructor(options: Partial<RateOptions> = {}) {
    this.#rate = new RateLimit({ perMinute: DEFAULT_FAILURES_PER_MINUTE, ...options });
    this.#accepted = new AcceptedCredentials(options.elapsedMs);
  }

  /** The number of origins with an authentication that runs or waits. */
  get size(): number {
    return this.#turns.size;
  }

  /**
   * Verifies a credential when its turn comes, and returns the result.
   *
   * @throws {@link RateLimitedError} Too many authentications of that origin have failed.
   * @throws {@link AuthenticationUnavailableError} The verification took longer than ten seconds.
   */
  attempt<Found>(attempt: Attempt<Found>): MaybePromise<Found | undefined> {
    const shown = this.#shownBy(attempt);
    const isFree = shown === undefined || this.#accepted.has(shown);
    return isFree ? this.#look(attempt, shown) : this.#inTurn(attempt, shown);
  }

  async #inTurn<Found>(
    attempt: Attempt<Found>,
    shown: ShownCredential,
  ): Promise<Found | undefined> {
    const origin = originOf(attempt.connection);
    this.#throwIfExhausted(origin);
    const turns = this.#turnsOf(origin);
    if (turns.running < this.#rate.left(origin)) turns.running++;
    else await new Promise<void>((resolve) => turns.waiting.push(resolve));
    try {
      this.#throwIfExhausted(origin);
      return await this.#look(attempt, shown);
    } finally {
      turns.running--;
      this.#callNext(origin, turns);
    }
  }

  #look<Found>(
    attempt: Attempt<Found>,
    before: ShownCredential | undefined,
  ): MaybePromise<Found | undefined> {
    return andThen(inTime(attempt.look()), (found) => this.#counted(attempt, before, found));
  }

  #counted<Found>(
    attempt: Attempt<Found>,
    before: ShownCredential | undefined,
    found: Found | undefined,
  ): Found | undefined {
    // The authenticator may have read headers that were not known to contain credentials before.
    const shown = this.#shownBy(attempt, before);
    if (shown === undefined) return found;
    if (found === undefined) {
      this.#accepted.forget(shown);
      this.#rate.count(originOf(attempt.connection));
    } else this.#accepted.accept(shown);
    return found;
  }

  #shownBy(
    { credential }: Pick<Attempt<unknown>, "credential">,
    before?: ShownCredential,
  ): ShownCredential | undefined {
    const text = credential();
    if (text === undefined || text === before?.text) return before;
    return this.#accepted.shown(text);
  }

  #turnsOf(origin: string): Turns {
    const turns = this.#turns.get(origin) ?? { running: 0, waiting: [] };
    this.#turns.set(origin, turns);
    return turns;
  }

  /**
   * Starts waiting authentications while turns are free. Once no more may fail, starts all of them, to be
   * refused.
   */
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

/** A verification that never ends must not hold its turn for ever. */
function inTime<Found>(looking: MaybePromise<Found>): MaybePromise<Found> {
  const result = adoptThenable(looking);
  // A synchronous result needs no timer.
  return isPromise(result) ? bounded(result) : result;
}

async function bounded<Found>(result: Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AuthenticationUnavailableError()), ANSWER_TIMEOUT_MS);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the origin of a connection: its address, or for IPv6 the /64 network, which one host usually owns.
 */
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

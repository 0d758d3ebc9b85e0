import { Buffer } from "node:buffer";
import { type KeyObject, randomBytes } from "node:crypto";
import { isDate } from "../primitives/kinds.js";
import { checkMethods, checkOptions, checkPrincipal } from "../vault/checks.js";
import { monotonicClock, systemClock } from "../vault/clock.js";
import type { Clock } from "../vault/contracts.js";
import type { Authenticator, Caller, Evidence } from "./authenticator.js";
import { checkMayActFor } from "./may-act-for.js";
import {
  checkSecret,
  digestKey,
  digestOf,
  isSameDigest,
  MAX_SECRET_CHARACTERS,
} from "./secret-digest.js";

/** Whom a static token stands for, and until when. */
interface TokenHolder {
  readonly principal: string;
  /** Whom else the holder may act for: exact principals, or prefixes that end in `*`. */
  readonly mayActFor?: readonly string[] | undefined;
  /** The moment from which the token is refused; without it, never. */
  readonly expiresAt?: Date | undefined;
}

/** One static token: as itself, or as what {@link hashToken} made of it under the same key. */
export type StaticToken =
  | (TokenHolder & { readonly token: string; readonly tokenHash?: undefined })
  | (TokenHolder & { readonly tokenHash: string; readonly token?: undefined });

/** What {@link tokenAuth} takes. */
export interface TokenAuthOptions {
  /** At most 1,000: a request is compared with every one of them. */
  readonly tokens: readonly StaticToken[];
  /** At least 32 bytes that key the hashes. Without it a random key of this process does. */
  readonly key?: Uint8Array | undefined;
  /** For the expiry. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Knows callers by static tokens, which can be given anew. */
export interface TokenAuthenticator extends Authenticator {
  /**
   * Replaces all tokens: from now on those count and no others, on connections that have authenticated too.
   *
   * @throws TypeError or `RangeError` A token is wrong, as {@link tokenAuth} has it; those of before stay.
   */
  reload(tokens: readonly StaticToken[]): void;
}

interface StoredToken {
  readonly digest: Buffer;
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

const OPTIONS: ReadonlySet<string> = new Set(["tokens", "key", "clock"]);
const TOKEN_OPTIONS: ReadonlySet<string> = new Set([
  "token",
  "tokenHash",
  "principal",
  "mayActFor",
  "expiresAt",
]);
const MAX_TOKENS = 1000;
const TOKEN_BYTES = 32;
const TOKEN_HASH = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/**
 * Knows callers by static bearer tokens.
 *
 * Tokens are kept as HMAC-SHA-256 only. A request's is compared with all of them in a time that
 * says neither which came near nor whether one has expired.
 *
 * @throws TypeError or `RangeError` An option is wrong: a token with under 32 characters, a
 *   token given twice, a public key for a secret, hashes without the key that they were made under.
 *
 * @example
 * ```ts
 * const token = generateToken();
 * const auth = tokenAuth({ tokens: [{ token, principal: "spiffe://example.org/gateway" }] });
 * auth.reload(await readTokens()); // when they have changed
 * ```
 */
export function tokenAuth(options: TokenAuthOptions): TokenAuthenticator {
  return new StaticTokens(options);
}

/** Returns a new token of 256 random bits: `hvt_`, which leak scanners can look for, and 43 characters. */
export function generateToken(): string {
  return `hvt_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
}

/**
 * Returns the hash of a token, to configure {@link tokenAuth} without the token itself.
 *
 * @param key - At least 32 secret bytes, the `key` of {@link tokenAuth}.
 * @returns HMAC-SHA-256 in 43 characters of base64url.
 */
export function hashToken(token: string, key: Uint8Array): string {
  checkSecret(token, "token");
  if (key === undefined) throw new TypeError("key must be a Uint8Array");
  return digestOf(token, digestKey(key)).toString("base64url");
}

class StaticTokens implements TokenAuthenticator {
  readonly #key: KeyObject;
  readonly #hasGivenKey: boolean;
  #tokens: readonly StoredToken[];
  readonly #clock: Clock;

  constructor(options: TokenAuthOptions) {
    checkOptions(options, "tokenAuth options", OPTIONS);
    if (options.clock !== undefined) checkMethods(options.clock, "clock", ["now"]);
    this.#clock = monotonicClock(options.clock ?? systemClock());
    this.#key = digestKey(options.key);
    this.#hasGivenKey = options.key !== undefined;
    this.#tokens = this.#checked(options.tokens);
  }

  reload(tokens: readonly StaticToken[]): void {
    this.#tokens = this.#checked(tokens);
  }

  #checked(tokens: readonly StaticToken[]): readonly StoredToken[] {
    const stored = checkTokens(tokens, this.#key);
    const index = tokens.findIndex(({ tokenHash }) => tokenHash !== undefined);
    if (index >= 0 && !this.#hasGivenKey) {
      throw new TypeError(`tokens[${index}].tokenHash needs the key that it was made under`);
    }
    return stored;
  }

  authenticate(evidence: Evidence): Caller | undefined {
    const { bearerToken } = evidence;
    if (bearerToken === undefined || bearerToken.length > MAX_SECRET_CHARACTERS) return undefined;
    const digest = digestOf(bearerToken, this.#key);
    const now = this.#clock.now();
    let caller: Caller | undefined;
    // No early end: the time taken is the same whichever token it is.
    for (const stored of this.#tokens) {
      const isSame = isSameDigest(digest, stored.digest);
      if (isSame && now < stored.expiresAtMs) caller = stored.caller;
    }
    return caller;
  }

  stillCounts(caller: Caller): boolean {
    const now = this.#clock.now();
    return this.#tokens.some((stored) => stored.caller === caller && now < stored.expiresAtMs);
  }
}

function checkTokens(tokens: readonly StaticToken[], key: KeyObject): readonly StoredToken[] {
  if (!Array.isArray(tokens)) throw new TypeError("tokens must be an array");
  if (tokens.length > MAX_TOKENS) throw new RangeError(`tokens must be at most ${MAX_TOKENS}`);
  const stored = Array.from(tokens, (token: StaticToken, index) => {
    const name = `tokens[${index}]`;
    checkOptions(token, name, TOKEN_OPTIONS);
    return storedToken(token, name, key);
  });
  const distinct = new Set(stored.map(({ digest }) => digest.toString("latin1")));
  if (distinct.size !== stored.length) throw new TypeError("tokens has the same token twice");
  return stored;
}

function storedToken(given: StaticToken, name: string, key: KeyObject): StoredToken {
  const { principal, mayActFor, expiresAt } = given;
  checkPrincipal(principal, `${name}.principal`);
  const caller: Caller =
    mayActFor === undefined
      ? { principal }
      : { principal, mayActFor: checkMayActFor(mayActFor, `${name}.mayActFor`) };
  return {
    digest: givenDigest(given, name, key),
    caller: Object.freeze(caller),
    expiresAtMs: checkExpiry(expiresAt, `${name}.expiresAt`),
  };
}

function givenDigest(given: StaticToken, name: string, key: KeyObject): Buffer {
  const { token, tokenHash } = given;
  if ((token === undefined) === (tokenHash === undefined)) {
    throw new TypeError(`${name} must have either a token or a tokenHash`);
  }
  if (tokenHash === undefined) {
    checkSecret(token, `${name}.token`);
    return digestOf(token, key);
  }
  if (typeof tokenHash !== "string" || !TOKEN_HASH.test(tokenHash)) {
    throw new TypeError(`${name}.tokenHash must be what hashToken returns`);
  }
  return Buffer.from(tokenHash, "base64url");
}

function checkExpiry(expiresAt: unknown, name: string): number {
  if (expiresAt === undefined) return Number.POSITIVE_INFINITY;
  if (!isDate(expiresAt)) throw new TypeError(`${name} must be a Date`);
  const time = Date.prototype.getTime.call(expiresAt);
  if (Number.isNaN(time)) throw new RangeError(`${name} must be a valid Date`);
  return time;
}

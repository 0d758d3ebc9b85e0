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

/** The principal that a static token identifies, and its expiry. */
interface TokenHolder {
  readonly principal: string;
  /** The other principals that the holder may act for: exact names, or prefixes that end in `*`. */
  readonly mayActFor?: readonly string[] | undefined;
  /** The time from which the token is refused. Without it, the token never expires. */
  readonly expiresAt?: Date | undefined;
}

/** One static token: the token itself, or its hash from {@link hashToken} under the same key. */
export type StaticToken =
  | (TokenHolder & { readonly token: string; readonly tokenHash?: undefined })
  | (TokenHolder & { readonly tokenHash: string; readonly token?: undefined });

/** Options of {@link tokenAuth}. */
export interface TokenAuthOptions {
  /** At most 1,000, because each request is compared with every token. */
  readonly tokens: readonly StaticToken[];
  /** At least 32 bytes, used as the key of the hashes. Default: a random key for this process. */
  readonly key?: Uint8Array | undefined;
  /** For expiry. Default: the system's. */
  readonly clock?: Clock | undefined;
}

/** Identifies callers by static tokens, which can be replaced at run time. */
export interface TokenAuthenticator extends Authenticator {
  /**
   * Replaces all tokens at once, also for connections that have already authenticated.
   *
   * @throws TypeError or `RangeError` A token is invalid, as in {@link tokenAuth}; the previous tokens stay.
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
 * Returns an authenticator that identifies callers by static bearer tokens.
 *
 * Tokens are kept only as HMAC-SHA-256. The token of a request is compared with all of them in a time that
 * reveals neither a near match nor whether a token has expired.
 *
 * @throws TypeError or `RangeError` An option is invalid: a token with under 32 characters, a
 * token given twice, a public key as a secret, hashes without the key that they were made with.
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

/** Returns a new token of 256 random bits: `hvt_`, which leak scanners can search for, and 43 characters. */
export function generateToken(): string {
  return `hvt_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
}

/**
 * Returns the hash of a token, so that {@link tokenAuth} can be configured without the token itself.
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
    // Does not stop at a match, so that the time does not depend on which token matches.
    for (const stored of this.#tokens) {
      const isSame = isSameDigest(digest, stored.digest);
      if (isSame && now < stored.expiresAtMs) caller = stored.caller;
    }
    return caller;
  }

  isStillValid(caller: Caller): boolean {
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

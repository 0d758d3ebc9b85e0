import { isKeyObject } from "node:util/types";
import { loadPeer } from "../load-peer.js";
import { checkInteger, checkMethods, checkOptions } from "../vault/checks.js";
import { monotonicClock, systemClock } from "../vault/clock.js";
import type { Clock } from "../vault/contracts.js";
import { isVaultError } from "../vault/errors.js";
import type { Authenticator, Caller, Evidence } from "./authenticator.js";
import type { FindKey, Jose, JsonWebKeyMembers, VerifyOptions } from "./jose-peer.js";
import { type CheckedJwks, checkJwks, type JwksOptions, JwksSource } from "./jwks-source.js";
import { type ClaimRules, callerOf, isTokenText } from "./jwt-claims.js";
import { type CheckedKey, checkJwtKey, type JwtKey, PUBLIC_KEY_ALGORITHMS } from "./jwt-keys.js";

/** Options of {@link openJwtAuth}: either a `key` or the `jwks` of an issuer. */
export interface JwtAuthOptions {
  /** The only `iss` that is accepted. */
  readonly issuer: string;
  /** The value that `aud` must equal or include: the name of this service and of no other. */
  readonly audience: string;
  /** A public key, a set of them, or a secret of 32 bytes or more. */
  readonly key?: JwtKey | undefined;
  /** Where the issuer publishes its keys. */
  readonly jwks?: JwksOptions | undefined;
  /**
   * The only `alg` values that are accepted. Default: all that the key supports; never HS256 with public
   * keys.
   */
  readonly algorithms?: readonly string[] | undefined;
  /** The claim that contains the principal. Default: `sub`. */
  readonly claim?: string | undefined;
  /**
   * The claim that lists the principals that the caller may act for. Default: none; the caller acts only for
   * itself.
   */
  readonly mayActForClaim?: string | undefined;
  /** The only `typ` that is accepted. Default: none, `JWT` or `at+jwt`. */
  readonly typ?: string | undefined;
  /** The longest time from `iat`, or from now, to `exp`. Default: 86,400, a day. */
  readonly maxLifetimeSeconds?: number | undefined;
  /** How far the issuer's clock may differ from ours. Default: 30; at most 300. */
  readonly clockToleranceSeconds?: number | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "issuer",
  "audience",
  "key",
  "jwks",
  "algorithms",
  "claim",
  "mayActForClaim",
  "typ",
  "maxLifetimeSeconds",
  "clockToleranceSeconds",
  "clock",
]);
const DEFAULT_LIFETIME_SECONDS = 86_400;
const MAX_LIFETIME_SECONDS = 31_557_600;
const DEFAULT_TOLERANCE_SECONDS = 30;
const MAX_TOLERANCE_SECONDS = 300;
/** How long a connection may use a token before it is verified again. Its expiry takes effect at once. */
const REVERIFIED_AFTER_MS = 30_000;

/**
 * Returns an authenticator that identifies callers by signed JSON Web Tokens, sent as bearer tokens.
 *
 * A token is accepted if a fixed algorithm and key verify it, issuer and audience are the expected
 * ones, `exp` is present and within the maximum lifetime, and the principal claim is a valid principal.
 * Keys and key URLs inside a token are ignored. The holder may use a token any number of times until it
 * expires, so keep lifetimes short.
 *
 * Source: RFC 7515, 7519, 8725.
 *
 * @throws TypeError or `RangeError` An option is invalid, or the key does not support an algorithm.
 * @throws PeerMissingError The optional package jose is not installed.
 *
 * @example
 * ```ts
 * const auth = await openJwtAuth({
 * issuer: "https://login.example.org",
 * audience: "handlevault",
 * jwks: { url: "https://login.example.org/.well-known/jwks.json" },
 * });
 * ```
 */
export async function openJwtAuth(options: JwtAuthOptions): Promise<Authenticator> {
  const settings = checkJwtOptions(options);
  const jose: Jose = await loadPeer("jose", () => import("jose"));
  return new JwtAuthenticator(settings, jose);
}

interface Settings {
  readonly key: CheckedKey["key"] | CheckedJwks;
  readonly verify: Omit<VerifyOptions, "currentDate">;
  readonly rules: ClaimRules;
  readonly clock: Clock;
}

class JwtAuthenticator implements Authenticator {
  readonly #jose: Jose;
  readonly #settings: Settings;
  readonly #findKey: FindKey;
  /** The time, in milliseconds, until which each caller's token needs no further verification. */
  readonly #verifiedUntil = new WeakMap<Caller, number>();

  constructor(settings: Settings, jose: Jose) {
    this.#jose = jose;
    this.#settings = settings;
    this.#findKey = findKeyIn(settings, jose);
  }

  async authenticate({ bearerToken }: Evidence): Promise<Caller | undefined> {
    if (bearerToken === undefined || !isTokenText(bearerToken)) return undefined;
    const { verify, rules, clock } = this.#settings;
    const nowMs = clock.now();
    const options = { ...verify, currentDate: new Date(nowMs) };
    try {
      const token = await this.#jose.jwtVerify(bearerToken, this.#findKey, options);
      const caller = callerOf(token, rules, nowMs);
      if (caller !== undefined) this.#noteVerified(caller, Number(token.payload["exp"]), nowMs);
      return caller;
    } catch (error) {
      // Errors in reading the issuer's keys do not count as failures of the caller.
      if (isVaultError(error)) throw error;
      // All other errors of jose are about the token, including a key that does not fit its `alg`.
      return undefined;
    }
  }

  isStillValid(caller: Caller): boolean {
    return this.#settings.clock.now() < (this.#verifiedUntil.get(caller) ?? 0);
  }

  /** Tokens are verified again at intervals so that a withdrawn key stops working. */
  #noteVerified(caller: Caller, expiresAt: number, nowMs: number): void {
    const { clockToleranceSeconds } = this.#settings.rules;
    const expiresAtMs = (expiresAt + clockToleranceSeconds) * 1000;
    this.#verifiedUntil.set(caller, Math.min(expiresAtMs, nowMs + REVERIFIED_AFTER_MS));
  }
}

function findKeyIn({ key, clock }: Settings, jose: Jose): FindKey {
  if (isKeyObject(key)) return () => Promise.resolve(key);
  if ("url" in key) return new JwksSource(key, clock, jose).find;
  return jose.createLocalJWKSet({ keys: [...key.keys] as JsonWebKeyMembers[] });
}

function checkJwtOptions(options: JwtAuthOptions): Settings {
  checkOptions(options, "openJwtAuth options", OPTIONS);
  const { issuer, audience, clock } = options;
  checkText(issuer, "issuer");
  checkText(audience, "audience");
  if (clock !== undefined) checkMethods(clock, "clock", ["now"]);
  const { key, algorithms } = checkKeyOptions(options);
  const rules = checkRules(options);
  return {
    key,
    clock: monotonicClock(clock ?? systemClock()),
    rules,
    verify: {
      issuer,
      audience,
      algorithms: checkAlgorithms(options.algorithms, algorithms),
      requiredClaims: ["exp"],
      clockTolerance: rules.clockToleranceSeconds,
      ...(rules.typ === undefined ? {} : { typ: rules.typ }),
    },
  };
}

function checkKeyOptions({ key, jwks }: JwtAuthOptions): {
  readonly key: Settings["key"];
  readonly algorithms: readonly string[];
} {
  if ((key === undefined) === (jwks === undefined)) {
    throw new TypeError("openJwtAuth options must have either a key or jwks");
  }
  if (jwks === undefined) return checkJwtKey(key);
  return { key: checkJwks(jwks), algorithms: PUBLIC_KEY_ALGORITHMS };
}

function checkAlgorithms(given: unknown, served: readonly string[]): string[] {
  if (given === undefined) return [...served];
  if (!Array.isArray(given)) throw new TypeError("algorithms must be an array of strings");
  const algorithms: unknown[] = Array.from(given);
  if (algorithms.length === 0) throw new RangeError("algorithms must not be empty");
  if (!algorithms.every((name) => typeof name === "string")) {
    throw new TypeError("algorithms must be an array of strings");
  }
  if (!algorithms.every((name) => served.includes(name))) {
    throw new RangeError("algorithms has one that the key does not serve");
  }
  return algorithms;
}

function checkRules(options: JwtAuthOptions): ClaimRules {
  const { claim = "sub", mayActForClaim, typ } = options;
  const { maxLifetimeSeconds = DEFAULT_LIFETIME_SECONDS } = options;
  const { clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = options;
  checkText(claim, "claim");
  if (mayActForClaim !== undefined) checkText(mayActForClaim, "mayActForClaim");
  if (typ !== undefined) checkText(typ, "typ");
  checkInteger(maxLifetimeSeconds, "maxLifetimeSeconds", { min: 1, max: MAX_LIFETIME_SECONDS });
  const bounds = { min: 0, max: MAX_TOLERANCE_SECONDS };
  checkInteger(clockToleranceSeconds, "clockToleranceSeconds", bounds);
  return { claim, mayActForClaim, typ, maxLifetimeSeconds, clockToleranceSeconds };
}

function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
  if (value === "") throw new RangeError(`${name} must not be empty`);
}

/** Reads the keys of a token issuer from the URL where it publishes them. */
import { BlockList, isIP } from "node:net";
import { isBytes } from "../primitives/bytes.js";
import type { Clock } from "../vault/contracts.js";
import { AuthenticationUnavailableError, UnauthenticatedError } from "../vault/errors.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import { fetchJson } from "./fetch-json.js";
import type { FindKey, Jose } from "./jose-peer.js";

/** The URL where an issuer publishes its keys, and the settings for reading it. */
export interface JwksOptions {
  /** `https:`, or `http:` on the loopback interface. */
  readonly url: string | URL;
  /** The time limit for one complete read. Default: 5,000. */
  readonly timeoutMs?: number | undefined;
  /** How long keys are used before they are read again. Default: 600,000, ten minutes. */
  readonly cacheMs?: number | undefined;
  /** How long after a read an unknown `kid` does not cause another read. Default: 30,000. */
  readonly cooldownMs?: number | undefined;
  /** How long keys are used beyond `cacheMs` while they cannot be read. Default: 3,600,000, an hour. */
  readonly staleMs?: number | undefined;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | Uint8Array | undefined;
}

type Times = "timeoutMs" | "cacheMs" | "cooldownMs" | "staleMs";

/** {@link JwksOptions} after validation. */
export interface CheckedJwks extends Omit<WithDefaults<JwksOptions, Times>, "url"> {
  readonly url: URL;
}

const DAY_MS = 86_400_000;
const OPTIONS: OptionsTable<CheckedJwks> = {
  url: checkUrl,
  timeoutMs: optional(integerWithin(1, 60_000), 5000),
  cacheMs: optional(integerWithin(1, DAY_MS), 600_000),
  cooldownMs: optional(integerWithin(1, DAY_MS), 30_000),
  staleMs: optional(integerWithin(0, DAY_MS), 3_600_000),
  ca: optional(checkCa),
};
/** The pause after a failed read, so that many requests at once do not overload a failing issuer. */
const RETRY_AFTER_FAILURE_MS = 1000;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** The keys of an issuer: cached, read by one request at a time, and at a limited rate. */
export class JwksSource {
  readonly #settings: CheckedJwks;
  readonly #clock: Clock;
  readonly #jose: Jose;
  #keys: { readonly find: FindKey; readonly readAtMs: number } | undefined;
  #reading: Promise<FindKey> | undefined;
  #failedAtMs: number | undefined;

  constructor(settings: CheckedJwks, clock: Clock, jose: Jose) {
    this.#settings = settings;
    this.#clock = clock;
    this.#jose = jose;
  }

  /**
   * Returns the key that a token names.
   *
   * @throws {@link AuthenticationUnavailableError} The keys cannot be read, and the cached keys are
   * too old or do not include this key.
   * @throws {@link UnauthenticatedError} The cached keys do not include this key, and the cooldown does not
   * allow another read yet.
   */
  readonly find: FindKey = async (header, token) => {
    const before = this.#keys;
    const find = await this.#current();
    try {
      return await find(header, token);
    } catch (error) {
      const isUnknown = (error as { code?: unknown }).code === "ERR_JWKS_NO_MATCHING_KEY";
      // Keys that were read after the token arrived are current, so the key is really unknown.
      if (!isUnknown || this.#keys !== before) throw error;
      const newer = await this.#afterUnknownKey();
      return await newer(header, token);
    }
  };

  /**
   * Issuers rotate keys, so an unknown key may be new. Invented key ids cause at most one read per cooldown.
   */
  #afterUnknownKey(): Promise<FindKey> {
    const readAtMs = this.#keys?.readAtMs ?? Number.NEGATIVE_INFINITY;
    const isRecent = this.#clock.now() < readAtMs + this.#settings.cooldownMs;
    return isRecent ? Promise.reject(new UnauthenticatedError()) : this.#read();
  }

  async #current(): Promise<FindKey> {
    const age = this.#clock.now() - (this.#keys?.readAtMs ?? Number.NEGATIVE_INFINITY);
    const { cacheMs, staleMs } = this.#settings;
    if (this.#keys === undefined || age >= cacheMs + staleMs) return await this.#read();
    const { find } = this.#keys;
    if (age < cacheMs) return find;
    const reading = this.#read().catch(() => find);
    // During an outage, only the first request waits for the read to fail.
    return this.#failedAtMs === undefined ? await reading : find;
  }

  #read(): Promise<FindKey> {
    const failedAtMs = this.#failedAtMs ?? Number.NEGATIVE_INFINITY;
    if (this.#reading === undefined && this.#clock.now() < failedAtMs + RETRY_AFTER_FAILURE_MS) {
      return Promise.reject(new AuthenticationUnavailableError());
    }
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<FindKey> {
    try {
      const document = await fetchJson(this.#settings.url, this.#settings);
      // Throws if the document is malformed.
      const find = this.#jose.createLocalJWKSet(
        document as Parameters<Jose["createLocalJWKSet"]>[0],
      );
      this.#keys = { find, readAtMs: this.#clock.now() };
      this.#failedAtMs = undefined;
      return find;
    } catch {
      // The error is not kept as a cause because its message would name addresses.
      this.#failedAtMs = this.#clock.now();
      throw new AuthenticationUnavailableError();
    }
  }
}

/**
 * Returns options with defaults filled in. Rejects a URL that an attacker on the network could answer for.
 */
export function checkJwks(options: JwksOptions): CheckedJwks {
  return readOptions(options, OPTIONS, { name: "jwks", prefix: "jwks." });
}

function checkCa(value: unknown, place: string): asserts value is string | Uint8Array {
  if (typeof value !== "string" && !isBytes(value)) {
    throw new TypeError(`${place} must be a string or bytes`);
  }
}

function checkUrl(given: unknown): URL {
  const address = typeof given === "string" ? given : (Object(given) as { href?: unknown }).href;
  if (typeof address !== "string" || !URL.canParse(address)) {
    throw new TypeError("jwks.url must be a URL");
  }
  const url = new URL(address);
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
  if (!isSafe) throw new RangeError("jwks.url must be https, or http on the loopback interface");
  if (url.username !== "" || url.password !== "") {
    throw new RangeError("jwks.url must not hold a user or a password");
  }
  return url;
}

function isLoopback({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const version = isIP(host);
  if (version === 0) return host === "localhost";
  return LOOPBACK.check(host, version === 6 ? "ipv6" : "ipv4");
}

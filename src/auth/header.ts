import type { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { type OptionsTable, readOptions, required } from "../vault/options.js";
import type { Authenticator, Caller, Connection, Evidence } from "./authenticator.js";
import { type PeerAddresses, peerAddresses } from "./peer-addresses.js";
import { principalOf } from "./principal.js";
import {
  checkSecret,
  digestKey,
  digestOf,
  isSameDigest,
  MAX_SECRET_CHARACTERS,
} from "./secret-digest.js";

/** Options of {@link headerAuth}. */
export interface HeaderAuthOptions {
  /** The addresses of the proxy: IP addresses, CIDR blocks, or `unix` for a Unix socket. */
  readonly peers: readonly string[];
  /** The secret that the proxy sends in `secretHeader`: 32 characters or more. */
  readonly secret: string;
  /** Default: `x-proxy-secret`. */
  readonly secretHeader?: string | undefined;
  /** Default: `x-principal`. The proxy must remove this header from the requests that it receives. */
  readonly principalHeader?: string | undefined;
}

const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/;
// Node decodes header bytes as Latin-1. Beyond ASCII, two different texts could denote one principal.
const ASCII = /^[\x20-\x7e]*$/;

/**
 * Returns an authenticator that accepts the principal that a trusted proxy names in a header.
 *
 * A request is accepted only if it comes from a listed peer address and also contains the shared secret.
 * Neither is enough alone. To change the secret without downtime, combine an authenticator with the old
 * secret and one with the new secret in `anyOf`.
 *
 * @throws TypeError or `RangeError` An option is invalid: no peers, a block of all addresses, a
 * short secret, a public key as the secret.
 *
 * @example
 * ```ts
 * const auth = headerAuth({ peers: ["10.0.0.7"], secret: process.env["PROXY_SECRET"] ?? "" });
 * ```
 */
export function headerAuth(options: HeaderAuthOptions): Authenticator {
  return new HeaderAuthenticator(options);
}

interface Settings extends Omit<Required<HeaderAuthOptions>, "peers"> {
  readonly peers: PeerAddresses;
  readonly secretHeader: string;
  readonly principalHeader: string;
}

const OPTIONS: OptionsTable<Settings> = {
  peers: (value, place) => peerAddresses(value as HeaderAuthOptions["peers"], place),
  secret: required(checkSecret),
  secretHeader: (value = "x-proxy-secret", place) => headerName(value, place),
  principalHeader: (value = "x-principal", place) => headerName(value, place),
};

class HeaderAuthenticator implements Authenticator {
  readonly #key: KeyObject = digestKey();
  readonly #secret: Buffer;
  readonly #peers: PeerAddresses;
  readonly #secretHeader: string;
  readonly #principalHeader: string;

  constructor(options: HeaderAuthOptions) {
    const settings = readOptions(options, OPTIONS, { name: "headerAuth options", prefix: "" });
    this.#peers = settings.peers;
    this.#secret = digestOf(settings.secret, this.#key);
    this.#secretHeader = settings.secretHeader;
    this.#principalHeader = settings.principalHeader;
    if (this.#secretHeader === this.#principalHeader) {
      throw new TypeError("secretHeader and principalHeader must be different headers");
    }
  }

  authenticate(evidence: Evidence): Caller | undefined {
    if (!this.#isProxy(evidence.connection) || !this.#showsSecret(evidence)) return undefined;
    const principal = principalOf(evidence.header(this.#principalHeader));
    return principal === undefined || !ASCII.test(principal) ? undefined : { principal };
  }

  #isProxy(connection: Connection | undefined): boolean {
    return connection !== undefined && this.#peers.include(connection);
  }

  #showsSecret(evidence: Evidence): boolean {
    const shown = evidence.header(this.#secretHeader);
    if (shown === undefined || shown.length > MAX_SECRET_CHARACTERS) return false;
    return isSameDigest(digestOf(shown, this.#key), this.#secret);
  }
}

function headerName(value: unknown, name: string): string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
  if (!HEADER_NAME.test(value)) throw new RangeError(`${name} must be the name of a header`);
  return value.toLowerCase();
}

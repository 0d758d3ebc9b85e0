import type { X509Certificate } from "node:crypto";
import { checkPrincipal } from "../vault/checks.js";
import { monotonicClock, systemClock } from "../vault/clock.js";
import type { Clock } from "../vault/contracts.js";
import {
  type OptionsTable,
  optional,
  readOptions,
  required,
  type WithDefaults,
  withMethods,
} from "../vault/options.js";
import type { Authenticator, Caller, Evidence } from "./authenticator.js";
import { checkMayActFor } from "./may-act-for.js";
import { principalOf } from "./principal.js";
import { checkTrustDomain, isSpiffeIdIn } from "./spiffe.js";
import { readSubjectAltName } from "./subject-alt-name.js";

/** Options of {@link mtlsAuth}. */
export interface MtlsAuthOptions {
  /** The one trust domain whose ids are accepted, such as `example.org`. Compared as a whole. */
  readonly trustDomain: string;
  /** The principals that certain callers may act for, by the caller's SPIFFE id. */
  readonly mayActFor?: Readonly<Record<string, readonly string[]>> | undefined;
  /** For the certificate's validity, which may end while the connection is open. Default: the system's. */
  readonly clock?: Clock | undefined;
}

type Settings = Omit<WithDefaults<MtlsAuthOptions>, "mayActFor"> & {
  readonly mayActFor: ReadonlyMap<string, readonly string[]>;
};

const OPTIONS: OptionsTable<Settings> = {
  trustDomain: required(checkTrustDomain),
  mayActFor: (value) => checkDelegations(value as MtlsAuthOptions["mayActFor"]),
  clock: optional(withMethods<Clock>("now")),
};

/**
 * Returns an authenticator that identifies callers by the SPIFFE id in their client certificate.
 *
 * The server must request certificates and verify them (`requestCert`, `ca`; TLS 1.2 or later). A
 * certificate is accepted if it has exactly one URI, if that URI is a SPIFFE id of the trust domain with a
 * path, if it does not belong to a certificate authority, and if it is within its validity period now.
 * The principal is the complete id, exactly as written.
 *
 * Source: SPIFFE-ID and X509-SVID specifications.
 *
 * @throws TypeError or `RangeError` An option is invalid.
 *
 * @example
 * ```ts
 * const auth = mtlsAuth({ trustDomain: "example.org" });
 * ```
 */
export function mtlsAuth(options: MtlsAuthOptions): Authenticator {
  return new MtlsAuthenticator(options);
}

class MtlsAuthenticator implements Authenticator {
  readonly #trustDomain: string;
  readonly #mayActFor: ReadonlyMap<string, readonly string[]>;
  readonly #clock: Clock;

  constructor(options: MtlsAuthOptions) {
    const settings = readOptions(options, OPTIONS, { name: "mtlsAuth options", prefix: "" });
    const { trustDomain, mayActFor, clock } = settings;
    this.#trustDomain = trustDomain;
    this.#mayActFor = mayActFor;
    this.#clock = monotonicClock(clock ?? systemClock());
  }

  authenticate(evidence: Evidence): Caller | undefined {
    const certificate = evidence.connection?.peerCertificate;
    if (certificate === undefined || !this.#isValid(certificate)) return undefined;
    const principal = principalOf(onlyUri(certificate));
    if (principal === undefined || !isSpiffeIdIn(principal, this.#trustDomain)) return undefined;
    const mayActFor = this.#mayActFor.get(principal);
    return mayActFor === undefined ? { principal } : { principal, mayActFor };
  }

  /** X509-SVID, 4.1: an authority's certificate signs other certificates and does not identify a workload. */
  #isValid(certificate: X509Certificate): boolean {
    const now = this.#clock.now();
    const from = Date.parse(certificate.validFrom);
    const to = Date.parse(certificate.validTo);
    return !certificate.ca && from <= now && now <= to;
  }
}

/** Returns the certificate's URI if it has exactly one, as X509-SVID, 2 requires. */
function onlyUri(certificate: X509Certificate): string | undefined {
  const names = readSubjectAltName(certificate.subjectAltName ?? "") ?? [];
  const uris = names.filter(({ kind }) => kind === "URI");
  return uris.length === 1 ? uris[0]?.value : undefined;
}

function checkDelegations(
  given: MtlsAuthOptions["mayActFor"] = {},
): ReadonlyMap<string, readonly string[]> {
  // A Map or an array would look empty, or would have entries for other principals.
  if (Object.prototype.toString.call(given) !== "[object Object]") {
    throw new TypeError("mayActFor must be an object of arrays");
  }
  const delegations = new Map<string, readonly string[]>();
  for (const [principal, patterns] of Object.entries(given)) {
    checkPrincipal(principal, "a key of mayActFor");
    delegations.set(principal, checkMayActFor(patterns, "a value of mayActFor"));
  }
  return delegations;
}

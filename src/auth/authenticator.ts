/**
 * The contract between a server and the authenticators that identify its callers.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { MaybePromise } from "../vault/contracts.js";

/** The properties of a connection that authenticators use, the same for every transport. */
export interface Connection {
  /** The peer's address; absent on a Unix socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether the connection must come from this machine: over the loopback interface or a Unix socket. */
  readonly isLocal: boolean;
  /** The peer's certificate, if it sent one and the server verified it. */
  readonly peerCertificate?: X509Certificate | undefined;
}

/** The evidence in one request that identifies its caller. */
export interface Evidence {
  /** The token of a `Bearer` credential, from the `Authorization` header or the protocol's own field. */
  readonly bearerToken?: string | undefined;
  /** Returns a request header; `undefined` if the protocol has no headers or the header was sent twice. */
  header(name: string): string | undefined;
  /** Returns whether a header was sent, once or several times. */
  hasHeader(name: string): boolean;
  /** The connection; absent if the framework does not expose it. */
  readonly connection?: Connection | undefined;
}

/** Who sent a request. */
export interface Caller {
  readonly principal: string;
  /** The other principals that the caller may act for: exact names, or prefixes that end in `*`. */
  readonly mayActFor?: readonly string[] | undefined;
}

/** Returned as the caller when the request itself names its principal. Only trusted machines may do that. */
export const LOCAL_CALLER = "local";

/** Identifies the caller of a request. */
export interface Authenticator {
  /**
   * Whether the authenticator trusts the request's own claims. If so, a server may listen only on this
   * machine.
   */
  readonly localOnly?: boolean | undefined;
  /**
   * Returns the caller, or `undefined` when the request does not identify one. If the request has a
   * credential,
   * `undefined` counts as a failed authentication of its address.
   *
   * If it throws an error that is not from this library, the server responds with 500 and reports the error
   * to its `onError`.
   *
   * @throws AuthenticationUnavailableError A service that the authenticator depends on does not respond.
   * @throws UnauthenticatedError The credential is refused, but may be valid. This does not count as a
   * failure.
   */
  authenticate(evidence: Evidence): MaybePromise<Caller | typeof LOCAL_CALLER | undefined>;
  /**
   * Returns whether a caller that it returned earlier is still valid for the same token: at least, whether
   * the
   * token has not expired. A connection that keeps its token calls this for each request, and calls
   * `authenticate`
   * only when the result is false. Without this method, it calls `authenticate` for each request.
   */
  isStillValid?(caller: Caller): boolean;
}

/**
 * Who is calling: what a server asks of whatever tells it.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import type { MaybePromise } from "../vault/contracts.js";

/** What is known of a connection, however it was made. */
export interface Connection {
  /** The address of the other end; absent on a Unix socket. */
  readonly remoteAddress?: string | undefined;
  /** Whether only this machine can have made it: the loopback interface or a Unix socket. */
  readonly isLocal: boolean;
  /** The certificate of the other end, if it showed one that was verified. */
  readonly peerCertificate?: X509Certificate | undefined;
}

/** What one request shows of who sends it. */
export interface Evidence {
  /** The token of a `Bearer` credential: of an `Authorization` header, or of the wire's own member. */
  readonly bearerToken?: string | undefined;
  /** Returns a header of the request; `undefined` on wires that have none, or if it is sent twice. */
  header(name: string): string | undefined;
  /** Tells whether a header was sent at all, be it once or more often. */
  hasHeader(name: string): boolean;
  /** The connection; absent where a framework does not hand it on. */
  readonly connection?: Connection | undefined;
}

/** Who sent a request. */
export interface Caller {
  readonly principal: string;
  /** Whom else the caller may act for: exact principals, or prefixes that end in `*`. */
  readonly mayActFor?: readonly string[] | undefined;
}

/** The caller when the request itself names the principal, which only a trusted machine may do. */
export const LOCAL_CALLER = "local";

/** Tells who is calling. */
export interface Authenticator {
  /** Whether it believes what requests say, so that a server may only listen to this machine. */
  readonly localOnly?: boolean | undefined;
  /**
   * Returns who sent a request, or `undefined` when the request does not show it: if it shows a
   * credential, that counts as a failed authentication of its address.
   *
   * An error that is none of this library is answered with 500 and reported to the server's `onError`.
   *
   * @throws AuthenticationUnavailableError It cannot tell now: what it asks does not answer.
   * @throws UnauthenticatedError The credential is refused, but may be good: it counts as no failure.
   */
  authenticate(evidence: Evidence): MaybePromise<Caller | typeof LOCAL_CALLER | undefined>;
  /**
   * Tells whether a caller that it has returned would be returned for the same token now: at least
   * whether that has expired. A connection that keeps its token then asks this with each request, and
   * `authenticate` only once the answer is no; without it, `authenticate` every time.
   */
  stillCounts?(caller: Caller): boolean;
}

import { type Authenticator, type Evidence, LOCAL_CALLER } from "./authenticator.js";

/** The headers that proxies add to the requests they forward. */
const PROXY_HEADERS = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
];

/**
 * Returns an authenticator that accepts the principal named by any request from this machine.
 *
 * Every process that can reach the loopback interface or the Unix socket can act as any principal. A server
 * with this authenticator refuses to listen elsewhere. A request with a proxy's headers came from another
 * machine and is not accepted. A proxy that adds no headers cannot be distinguished from a local process.
 *
 * @example
 * ```ts
 * await serveHttp(vault, { auth: trustLocalCallers() });
 * ```
 */
export function trustLocalCallers(): Authenticator {
  return Object.freeze({
    localOnly: true,
    authenticate: (evidence: Evidence) => (isLocal(evidence) ? LOCAL_CALLER : undefined),
  });
}

function isLocal(evidence: Evidence): boolean {
  if (evidence.connection?.isLocal !== true) return false;
  // A header that was sent twice has no single value, but still indicates a proxy.
  return !PROXY_HEADERS.some((name) => evidence.hasHeader(name));
}

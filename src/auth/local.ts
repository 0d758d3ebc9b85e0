import { type Authenticator, type Evidence, LOCAL_CALLER } from "./authenticator.js";

/** What a proxy adds to a request that it passes on. */
const PROXY_HEADERS = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
];

/**
 * Believes whatever a request of this machine says about who sends it.
 *
 * Every process that reaches the loopback interface, or the Unix socket, is every principal. A
 * server with it refuses to listen elsewhere. A request that carries a proxy's headers came from
 * elsewhere and is not believed; a proxy that adds none cannot be told from a local process.
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
  // Sent twice, a header has no one value, and tells of a proxy all the same.
  return !PROXY_HEADERS.some((name) => evidence.hasHeader(name));
}

/** Evidence that records which credentials an authenticator reads from it. */
import type { Connection, Evidence } from "./authenticator.js";

/** The same evidence for an authenticator, and a record of the parts that it read. */
export interface WatchedEvidence {
  /** A plain object, so that authenticators may destructure it. */
  readonly evidence: Evidence;
  /** Returns whether a credential was read: a token, a certificate, or a header that is present. */
  hasShown(): boolean;
  /** The names of the headers that were read, in lower case. */
  readonly headersRead: ReadonlySet<string>;
}

/** Returns evidence that records each read. */
export function watched(given: Evidence): WatchedEvidence {
  const headersRead = new Set<string>();
  let hasShown = false;
  const noted = <T>(credential: T | undefined): T | undefined => {
    hasShown ||= credential !== undefined;
    return credential;
  };
  const evidence: Evidence = {
    get bearerToken() {
      return noted(given.bearerToken);
    },
    get connection() {
      return watchedConnection(given.connection, noted);
    },
    header: (name) => {
      headersRead.add(name.toLowerCase());
      return noted(given.header(name));
    },
    hasHeader: (name) => given.hasHeader(name),
  };
  return { evidence, hasShown: () => hasShown, headersRead };
}

function watchedConnection(
  connection: Connection | undefined,
  noted: <T>(credential: T | undefined) => T | undefined,
): Connection | undefined {
  if (connection?.peerCertificate === undefined) return connection;
  const { peerCertificate, ...rest } = connection;
  return {
    ...rest,
    get peerCertificate() {
      return noted(peerCertificate);
    },
  };
}

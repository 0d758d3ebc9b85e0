/** Evidence that notes which credentials an authenticator finds in it. */
import type { Connection, Evidence } from "./authenticator.js";

/** The same evidence for an authenticator, and what was read of it. */
export interface WatchedEvidence {
  /** A plain object, which authenticators may take apart. */
  readonly evidence: Evidence;
  /** Whether a credential was read: a token, a certificate, or a header that was asked for and is there. */
  hasShown(): boolean;
  /** The headers whose values were asked for, in lower case. */
  readonly headersRead: ReadonlySet<string>;
}

/** Returns evidence that notes what is read of it. */
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

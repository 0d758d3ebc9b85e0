/** SPIFFE ids, following the SPIFFE-ID specification. */

/** The maximum length of a complete id, which the specification sets. */
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;
// SPIFFE-ID, 2.1: no port, no user, no percent-encoding, no upper case.
const TRUST_DOMAIN = /^[a-z0-9._-]+$/;
// SPIFFE-ID, 2.2: no empty and no relative segments, no trailing slash, no query, no fragment.
const SEGMENT = /^[A-Za-z0-9._-]+$/;
const SCHEME = "spiffe://";

/** Throws unless `value` is the name of a trust domain, such as `example.org`. */
export function checkTrustDomain(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
  if (!TRUST_DOMAIN.test(value) || value.length > MAX_TRUST_DOMAIN_BYTES) {
    throw new RangeError(`${name} must have 1 to 255 characters of a-z 0-9 . _ -`);
  }
}

/**
 * Returns whether a text is the SPIFFE id of a workload in a trust domain.
 *
 * The domain is compared as a whole. An id without a path names the domain, not a workload.
 */
export function isSpiffeIdIn(id: string, trustDomain: string): boolean {
  if (id.length > MAX_ID_BYTES || !id.startsWith(SCHEME)) return false;
  const [domain, ...segments] = id.slice(SCHEME.length).split("/");
  return domain === trustDomain && segments.length > 0 && segments.every(isSegment);
}

function isSegment(segment: string): boolean {
  return SEGMENT.test(segment) && segment !== "." && segment !== "..";
}

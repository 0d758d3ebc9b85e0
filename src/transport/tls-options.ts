const VERSIONS: ReadonlySet<unknown> = new Set([undefined, "TLSv1.2", "TLSv1.3"]);

/** Throws a TypeError unless `options.tls` is left out, or an object that asks for TLS 1.2 or later. */
export function checkTls(tls: unknown): void {
  if (tls === undefined) return;
  if (typeof tls !== "object" || tls === null) {
    throw new TypeError("options.tls must be an object with options of node:tls");
  }
  if (!VERSIONS.has((tls as { minVersion?: unknown }).minVersion)) {
    throw new TypeError("options.tls.minVersion must be TLSv1.2 or TLSv1.3");
  }
}

import type { SecureVersion } from "node:tls";

const LEAST_VERSION: SecureVersion = "TLSv1.2";
const VERSIONS: ReadonlySet<unknown> = new Set([undefined, LEAST_VERSION, "TLSv1.3"]);

/** Throws a TypeError unless `options.tls` is left out, or an object that asks for TLS 1.2 or later. */
export function checkTls(tls: unknown): void {
  if (tls === undefined) return;
  if (typeof tls !== "object" || tls === null) {
    throw new TypeError("options.tls must be an object with options of node:tls");
  }
  const { minVersion, secureProtocol } = tls as Readonly<Record<string, unknown>>;
  if (!VERSIONS.has(minVersion)) {
    throw new TypeError("options.tls.minVersion must be TLSv1.2 or TLSv1.3");
  }
  if (secureProtocol !== undefined) {
    throw new TypeError("options.tls.secureProtocol is not taken: use minVersion");
  }
}

/** Returns options that {@link checkTls} let pass, with the oldest version that is taken. */
export function withLeastVersion<Options extends object>(
  tls: Options & { readonly minVersion?: SecureVersion | undefined },
): Options & { readonly minVersion: SecureVersion } {
  return { ...tls, minVersion: tls.minVersion ?? LEAST_VERSION };
}

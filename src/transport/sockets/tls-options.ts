import {
  createSecureContext,
  type SecureVersion,
  type TlsOptions,
  type Server as TlsServer,
} from "node:tls";
import { checkOptions } from "../../vault/checks.js";

const LEAST_VERSION: SecureVersion = "TLSv1.2";
const VERSIONS: ReadonlySet<unknown> = new Set([undefined, LEAST_VERSION, "TLSv1.3"]);

/** Throws unless `tls` is an object of TLS options that requires TLS 1.2 or later. */
export function checkTls(tls: unknown, place: string): asserts tls is object {
  if (typeof tls !== "object" || tls === null) {
    throw new TypeError(`${place} must be an object with options of node:tls`);
  }
  const { minVersion, secureProtocol } = tls as Readonly<Record<string, unknown>>;
  if (!VERSIONS.has(minVersion)) {
    throw new TypeError(`${place}.minVersion must be TLSv1.2 or TLSv1.3`);
  }
  if (secureProtocol !== undefined) {
    throw new TypeError(`${place}.secureProtocol is not taken: use minVersion`);
  }
}

/** Returns options that passed {@link checkTls}, with the minimum TLS version set. */
export function withLeastVersion<Options extends object>(
  tls: Options & { readonly minVersion?: SecureVersion | undefined },
): Options & { readonly minVersion: SecureVersion } {
  return { ...tls, minVersion: tls.minVersion ?? LEAST_VERSION };
}

/**
 * The options that can be replaced in a running server: its certificate, and the authorities that it trusts.
 */
export type ReloadedTls = Pick<TlsOptions, "cert" | "key" | "passphrase" | "pfx" | "ca" | "crl">;

const IDENTITY = ["cert", "key", "passphrase", "pfx"] as const;
const RELOADED: ReadonlySet<string> = new Set([...IDENTITY, "ca", "crl"]);

/**
 * Replaces a server's certificates and keys for new connections.
 *
 * @param before - The current options; those that are not given stay.
 * @returns The new options.
 * @throws TypeError The server has no TLS, or an option is not one that can be replaced.
 * @throws Error A key or a certificate cannot be read, or they do not belong together; nothing has changed.
 */
export function reloadTls<Options extends TlsOptions>(
  server: Pick<TlsServer, "setSecureContext">,
  before: Options | undefined,
  tls: ReloadedTls,
): Options {
  if (before === undefined) throw new TypeError("the server was started without options.tls");
  checkOptions(tls, "tls", RELOADED);
  const isAnother = IDENTITY.some((name) => tls[name] !== undefined);
  const kept = isAnother ? without(before, IDENTITY) : before;
  // Options that are left out must stay: without `ca` a server would trust every authority of the system.
  const after = withLeastVersion({ ...kept, ...given(tls) } as Options);
  createSecureContext(after);
  server.setSecureContext(after);
  return after;
}

function without<Options extends object>(options: Options, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)));
}

function given(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

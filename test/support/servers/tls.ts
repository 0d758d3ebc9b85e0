/** A certificate authority and a server certificate for 127.0.0.1, made with openssl. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The openssl command, which Debian includes. */
const OPENSSL = "openssl";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
}

export interface TlsIdentity extends TlsFiles {
  /** The authority's certificate as PEM. */
  readonly ca: string;
  remove(): Promise<void>;
}

/** Creates a certificate authority, and a certificate that it signs. */
export async function makeTlsIdentity(): Promise<TlsIdentity> {
  const directory = await mkdtemp(join(tmpdir(), "handlevault-tls-"));
  const file = (name: string) => join(directory, name);
  const [authority, authorityKey] = [file("ca.crt"), file("ca.key")];
  const [certificate, key] = [file("server.crt"), file("server.key")];
  request("/CN=test authority", authority, authorityKey, []);
  request("/CN=127.0.0.1", certificate, key, [
    ...["-CA", authority, "-CAkey", authorityKey],
    ...["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  return {
    key,
    certificate,
    authority,
    ca: readFileSync(authority, "utf8"),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function request(subject: string, certificate: string, key: string, further: readonly string[]) {
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", key, "-out", certificate, "-days", "2", "-subj", subject];
  execFileSync(OPENSSL, ["req", "-x509", ...fresh, ...files, ...further], { stdio: "pipe" });
}

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The contents of a certificate. Names have the form of OpenSSL: `["URI", "spiffe://…"]`. */
export interface CertificateFields {
  readonly names?: readonly (readonly [kind: string, value: string])[];
  readonly commonName?: string;
  /** Start and end in the form of OpenSSL: `YYYYMMDDHHMMSSZ`. */
  readonly validity?: readonly [from: string, to: string];
  readonly isAuthority?: boolean;
  /** More lines of OpenSSL's extension file. */
  readonly extensions?: readonly string[];
}

/** A certificate with its key and issuers, as `node:tls` takes them. */
export interface Identity {
  readonly certificate: X509Certificate;
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate authority in a separate folder, run by OpenSSL.
 *
 * All certificates share one key; they differ only in their contents.
 */
export class TestAuthority {
  readonly #folder: string;
  readonly #parentChain: string;
  readonly certificate: string;
  #issued = 0;

  private constructor(folder: string, parentChain: string) {
    this.#folder = folder;
    this.#parentChain = parentChain;
    this.certificate = readFileSync(join(folder, "ca.pem"), "utf8");
  }

  static create(): TestAuthority {
    const folder = mkdtempSync(join(tmpdir(), "handlevault-ca-"));
    prepare(folder);
    openssl(
      folder,
      ["req", "-x509", "-new", "-key", "key.pem", "-config", "ca.cnf", "-days", "2"],
      {
        out: "ca.pem",
      },
    );
    return new TestAuthority(folder, "");
  }

  /** Returns a subordinate authority with limits. */
  subordinate(extensions: readonly string[]): TestAuthority {
    const { cert } = this.issue({ commonName: "sub", isAuthority: true, extensions });
    this.#issued += 1;
    const folder = join(this.#folder, `sub-${this.#issued}`);
    mkdirSync(folder);
    prepare(folder, readFileSync(join(this.#folder, "key.pem")));
    writeFileSync(join(folder, "ca.pem"), cert);
    return new TestAuthority(folder, cert);
  }

  issue(fields: CertificateFields): Identity {
    const { commonName = "test", validity } = fields;
    this.#issued += 1;
    const name = `cert-${this.#issued}`;
    writeFileSync(join(this.#folder, `${name}.cnf`), extensionFile(fields));
    const dates = validity ?? [opensslTime(-3600), opensslTime(86_400)];
    openssl(
      this.#folder,
      ["ca", "-batch", "-notext", "-config", "ca.cnf", "-in", "request.pem"].concat(
        ["-extfile", `${name}.cnf`, "-subj", `/CN=${commonName}`],
        ["-startdate", dates[0], "-enddate", dates[1], "-rand_serial"],
      ),
      { out: `${name}.pem` },
    );
    const cert = readFileSync(join(this.#folder, `${name}.pem`), "utf8");
    const key = readFileSync(join(this.#folder, "key.pem"), "utf8");
    return { certificate: new X509Certificate(cert), cert: cert + this.#parentChain, key };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

function openssl(folder: string, args: readonly string[], files: { readonly out: string }): void {
  execFileSync("openssl", [...args, "-out", files.out], { cwd: folder, stdio: "pipe" });
}

function prepare(folder: string, key?: Uint8Array): void {
  writeFileSync(join(folder, "ca.cnf"), CONFIG);
  writeFileSync(join(folder, "index.txt"), "");
  if (key === undefined) {
    openssl(folder, ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], {
      out: "key.pem",
    });
  } else {
    writeFileSync(join(folder, "key.pem"), key);
  }
  openssl(folder, ["req", "-new", "-key", "key.pem", "-config", "ca.cnf"], { out: "request.pem" });
}

const CONFIG = `
[req]
distinguished_name = subject
prompt = no
x509_extensions = authority
[subject]
CN = test authority
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, digitalSignature
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = key.pem
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = optional
`;

function extensionFile({ names = [], isAuthority, extensions = [] }: CertificateFields): string {
  const constraints = `basicConstraints = critical, CA:${isAuthority === true}`;
  const lines = [constraints, ...extensions];
  if (names.length > 0) lines.push("subjectAltName = @names");
  const values = names.map(([kind, value], index) => `${kind}.${index} = ${escaped(value)}`);
  return [...lines, "[names]", ...values, ""].join("\n");
}

function escaped(value: string): string {
  return value.replace(/[\\#$"'; ]/g, (character) => `\\${character}`);
}

function opensslTime(secondsFromNow: number): string {
  const time = new Date(Date.now() + 1000 * secondsFromNow).toISOString();
  return `${time.slice(0, 19).replace(/[-T:]/g, "")}Z`;
}

/** Credentials that were accepted recently, kept as keyed digests. */
import { hash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setBounded } from "../../primitives/bounded-map.js";
import { randomHex } from "../../primitives/random-pool.js";

const KEY_BYTES = 32;
const KEPT_MS = 600_000;
/** The age at which an entry is renewed, so that a busy caller does not cause a write for each request. */
const RENEWED_AFTER_MS = 60_000;
/** This many digests take about a megabyte. */
const MAX_CREDENTIALS = 10_000;
/** No authenticator accepts a longer credential, and hashing it would cost more than refusing it. */
const MAX_CHARACTERS = 32 * 1024;

/** A credential in a request. */
export interface ShownCredential {
  readonly text: string;
  /** Reveals nothing about the text without this process's key; empty if the credential is not remembered. */
  readonly digest: string;
}

/** Remembers the last 10,000 accepted credentials for ten minutes. */
export class AcceptedCredentials {
  /**
   * A prefix of the hashed text. Digests never leave the process, so length extension is impossible, and one
   * SHA-256
   * takes half the time of an HMAC.
   */
  readonly #key = randomHex(KEY_BYTES);
  readonly #elapsedMs: () => number;
  readonly #acceptedAtMs = new Map<string, number>();

  constructor(elapsedMs: () => number = () => performance.now()) {
    this.#elapsedMs = elapsedMs;
  }

  /** The number of remembered credentials. */
  get size(): number {
    return this.#acceptedAtMs.size;
  }

  /** Returns a credential with its digest. */
  shown(text: string): ShownCredential {
    const isTaken = text.length <= MAX_CHARACTERS;
    return { text, digest: isTaken ? hash("sha256", this.#key + text, "base64") : "" };
  }

  /** Returns whether a credential was accepted within the last ten minutes. */
  has({ digest }: ShownCredential): boolean {
    const atMs = this.#acceptedAtMs.get(digest);
    return atMs !== undefined && this.#elapsedMs() - atMs < KEPT_MS;
  }

  accept({ digest }: ShownCredential): void {
    if (digest === "") return;
    const nowMs = this.#elapsedMs();
    const atMs = this.#acceptedAtMs.get(digest) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - atMs < RENEWED_AFTER_MS) return;
    setBounded(this.#acceptedAtMs, digest, nowMs, MAX_CREDENTIALS);
  }

  forget({ digest }: ShownCredential): void {
    this.#acceptedAtMs.delete(digest);
  }
}

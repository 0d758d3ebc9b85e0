/** Credentials that were accepted lately, kept as keyed digests. */
import { hash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setBounded } from "../../primitives/bounded-map.js";
import { randomHex } from "../../primitives/random-pool.js";

const KEY_BYTES = 32;
const KEPT_MS = 600_000;
/** How old a note may become before it is renewed: a busy caller need not be noted each time. */
const RENEWED_AFTER_MS = 60_000;
/** So many digests take about a megabyte. */
const MAX_CREDENTIALS = 10_000;
/** No authenticator takes a longer one; hashing it would cost more than refusing it. */
const MAX_CHARACTERS = 32 * 1024;

/** A credential that a request shows. */
export interface ShownCredential {
  readonly text: string;
  /** Says nothing of the text without the key of this process; empty for one that is not remembered. */
  readonly digest: string;
}

/** Remembers accepted credentials for ten minutes: the last 10,000 of them. */
export class AcceptedCredentials {
  /**
   * Goes before what is hashed. Digests never leave the process, so that no one can extend them, and one
   * SHA-256 takes half the time of an HMAC.
   */
  readonly #key = randomHex(KEY_BYTES);
  readonly #elapsedMs: () => number;
  readonly #acceptedAtMs = new Map<string, number>();

  constructor(elapsedMs: () => number = () => performance.now()) {
    this.#elapsedMs = elapsedMs;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#acceptedAtMs.size;
  }

  /** Returns a credential with what stands for it here. */
  shown(text: string): ShownCredential {
    const isTaken = text.length <= MAX_CHARACTERS;
    return { text, digest: isTaken ? hash("sha256", this.#key + text, "base64") : "" };
  }

  /** Tells whether a credential was accepted within the last ten minutes. */
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

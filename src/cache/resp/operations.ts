/** The operations of the cache, each as what is sent and what the reply means. */
import { Buffer } from "node:buffer";
import type {
  CacheCallOptions,
  CacheEntry,
  CacheRecord,
  InsertOptions,
  ReplaceOptions,
} from "../../vault/contracts.js";
import { OutcomeUnknownError } from "../../vault/errors.js";
import type { RespCommands } from "./connection.js";
import { Flight, UNCLEAR } from "./flight.js";
import { bodyKeyOf } from "./keys.js";
import type { Link } from "./link.js";
import { deleteScript, insertScript, removeScript, replaceScript } from "./scripts.js";
import { namesBody, revisionBytes, toEntry, toStored } from "./stored.js";

/** Thirty thousand years: well within what servers add to their clock. */
const MAX_PURGE_MS = 1e15;

export class Get extends Flight<CacheEntry | undefined> {
  readonly #key: string;

  constructor(link: Link, key: string, options: CacheCallOptions | undefined) {
    super(link, "read", options);
    this.#key = key;
  }

  protected override send(to: RespCommands): unknown {
    return to.getBuffer(this.#key);
  }

  protected override read(reply: unknown): CacheEntry | undefined {
    return reply === null ? undefined : toEntry(reply as Buffer);
  }
}

export class GetBody extends Flight<Uint8Array | undefined> {
  readonly #key: string;

  constructor(link: Link, key: string, options: CacheCallOptions | undefined) {
    super(link, "read", options);
    this.#key = key;
  }

  protected override send(to: RespCommands): unknown {
    return to.getBuffer(this.#key);
  }

  protected override read(reply: unknown): Uint8Array | undefined {
    return reply === null ? undefined : (reply as Buffer);
  }
}

/** An insert without a body is one native command: a script would cost a third more. */
export class Insert extends Flight<"inserted" | "exists"> {
  readonly #headKey: string;
  readonly #stored: Buffer;
  readonly #body: Buffer | undefined;
  readonly #purgeMs: number;

  constructor(
    link: Link,
    { headKey, record }: { readonly headKey: string; readonly record: CacheRecord },
    options: InsertOptions,
  ) {
    super(link, "store", options);
    const { head, body } = record;
    this.#headKey = headKey;
    this.#stored = toStored(head, body === undefined ? "no body" : "has body");
    this.#body = body && toBuffer(body);
    this.#purgeMs = toPurgeMs(options.purgeAfterMs);
  }

  protected override send(to: RespCommands): unknown {
    const head = this.#headKey;
    if (this.#body !== undefined) {
      return insertScript(to, [head, bodyKeyOf(head)], [this.#stored, this.#purgeMs, this.#body]);
    }
    if (this.#isPlain) return to.set(head, this.#stored, "PX", this.#purgeMs, "NX");
    return insertScript(to, [head], [this.#stored, this.#purgeMs]);
  }

  protected override read(reply: unknown): "inserted" | "exists" | typeof UNCLEAR {
    if (reply === "OK" || Number(reply) === 1) return "inserted";
    if (!this.mayHaveHappened) return "exists";
    // It may be this very record that exists; only the script can tell.
    if (this.#body === undefined && this.#isPlain) return UNCLEAR;
    throw new OutcomeUnknownError();
  }

  protected override wasWritten(answer: "inserted" | "exists"): boolean {
    return answer === "inserted";
  }

  protected override get isLarge(): boolean {
    return this.#body !== undefined;
  }

  get #isPlain(): boolean {
    return this.attempts === 1;
  }
}

/** Replaces one state of a record by another. */
export class Replace extends Flight<"replaced" | "conflict" | "absent"> {
  readonly #keys: readonly string[];
  readonly #values: readonly (string | number | Buffer)[];

  constructor(
    link: Link,
    { headKey, head }: { readonly headKey: string; readonly head: Uint8Array },
    options: ReplaceOptions,
  ) {
    super(link, "store", options);
    const { ifRevision, purgeAfterMs, dropBody } = options;
    const expected = revisionBytes(ifRevision);
    const hasBody = namesBody(expected);
    const keepsBody = hasBody && dropBody !== true;
    const purgeMs = purgeAfterMs === undefined ? "" : toPurgeMs(purgeAfterMs);
    this.#keys = hasBody ? [headKey, bodyKeyOf(headKey)] : [headKey];
    const stored = toStored(head, keepsBody ? "has body" : "no body");
    this.#values = [expected, stored, purgeMs, keepsBody ? "0" : "1"];
  }

  protected override send(to: RespCommands): unknown {
    return replaceScript(to, this.#keys, this.#values);
  }

  protected override read(reply: unknown): "replaced" | "conflict" | "absent" {
    const outcome = Number(reply);
    if (outcome === 2) return "replaced";
    // Its own state may have been replaced or deleted by others since.
    if (this.mayHaveHappened) throw new OutcomeUnknownError();
    return outcome === 1 ? "conflict" : "absent";
  }

  protected override wasWritten(answer: string): boolean {
    return answer === "replaced";
  }
}

/** Deletes one state of a record. */
export class Remove extends Flight<"replaced" | "conflict" | "absent"> {
  readonly #keys: readonly string[];
  readonly #expected: Buffer;

  constructor(link: Link, headKey: string, options: ReplaceOptions) {
    super(link, "delete", options);
    this.#expected = revisionBytes(options.ifRevision);
    this.#keys = namesBody(this.#expected) ? [headKey, bodyKeyOf(headKey)] : [headKey];
  }

  protected override send(to: RespCommands): unknown {
    return removeScript(to, this.#keys, [this.#expected]);
  }

  protected override read(reply: unknown): "replaced" | "conflict" | "absent" {
    const outcome = Number(reply);
    if (outcome === 2) return "replaced";
    if (outcome === 1) return "conflict";
    // Whether it was this caller or another who deleted it, nobody can tell any more.
    if (this.mayHaveHappened) throw new OutcomeUnknownError();
    return "absent";
  }

  protected override wasWritten(answer: string): boolean {
    return answer === "replaced";
  }
}

/** Deletes a record in whatever state it is. */
export class Delete extends Flight<boolean> {
  readonly #headKey: string;

  constructor(link: Link, headKey: string, options: CacheCallOptions | undefined) {
    super(link, "delete", options);
    this.#headKey = headKey;
  }

  protected override send(to: RespCommands): unknown {
    return deleteScript(to, [this.#headKey, bodyKeyOf(this.#headKey)], []);
  }

  protected override read(reply: unknown): boolean {
    return Number(reply) === 1 || this.mayHaveHappened;
  }

  protected override wasWritten(answer: boolean): boolean {
    return answer;
  }
}

function toPurgeMs(purgeAfterMs: number): number {
  return purgeAfterMs >= 1 ? Math.min(MAX_PURGE_MS, Math.ceil(purgeAfterMs)) : 1;
}

/** The peers take every other view for something to print. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

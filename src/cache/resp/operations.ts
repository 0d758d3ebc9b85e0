/** The operations of the cache: the command that each sends, and the meaning of its reply. */
import type { Buffer } from "node:buffer";
import type { CacheCallOptions, CacheEntry, ReplaceOptions } from "../../vault/contracts.js";
import { OutcomeUnknownError } from "../../vault/errors.js";
import { RespCommand } from "./command.js";
import type { ConnectionState } from "./connection-state.js";
import { toPurgeMs } from "./expiry.js";
import { bodyKeyOf } from "./keys.js";
import { namesBody, revisionBytes, toEntry, toStored } from "./row.js";
import { deleteScript, removeScript, replaceScript } from "./scripts.js";
import type { CommandWriter } from "./vendor.js";

/** Reads the value of one key of the server. */
abstract class Fetch<T> extends RespCommand<T> {
  readonly #key: string;

  constructor(state: ConnectionState, key: string, options: CacheCallOptions | undefined) {
    super(state, "read", options);
    this.#key = key;
  }

  protected override send(to: CommandWriter): unknown {
    return to.getBuffer(this.#key);
  }
}

export class Get extends Fetch<CacheEntry | undefined> {
  protected override read(reply: unknown): CacheEntry | undefined {
    return reply === null ? undefined : toEntry(reply as Buffer);
  }
}

export class GetBody extends Fetch<Uint8Array | undefined> {
  protected override read(reply: unknown): Uint8Array | undefined {
    return reply === null ? undefined : (reply as Buffer);
  }
}

/** Replaces the state of a record, if the record has the expected revision. */
export class Replace extends RespCommand<"replaced" | "conflict" | "absent"> {
  readonly #keys: readonly string[];
  readonly #values: readonly (string | number | Buffer)[];

  constructor(
    state: ConnectionState,
    { headKey, head }: { readonly headKey: string; readonly head: Uint8Array },
    options: ReplaceOptions,
  ) {
    super(state, "store", options);
    const { ifRevision, purgeAfterMs, dropBody } = options;
    const expected = revisionBytes(ifRevision);
    const hasBody = namesBody(expected);
    const keepsBody = hasBody && dropBody !== true;
    const purgeMs = purgeAfterMs === undefined ? "" : toPurgeMs(purgeAfterMs);
    this.#keys = hasBody ? [headKey, bodyKeyOf(headKey)] : [headKey];
    const stored = toStored(head, keepsBody ? "has body" : "no body");
    this.#values = [expected, stored, purgeMs, keepsBody ? "0" : "1"];
  }

  protected override send(to: CommandWriter): unknown {
    return replaceScript(to, this.#keys, this.#values);
  }

  protected override read(reply: unknown): "replaced" | "conflict" | "absent" {
    const outcome = Number(reply);
    if (outcome === 2) return "replaced";
    // An earlier attempt may have succeeded, and others may have changed or deleted the record since.
    if (this.mayHaveHappened) throw new OutcomeUnknownError();
    return outcome === 1 ? "conflict" : "absent";
  }

  protected override wasWritten(result: string): boolean {
    return result === "replaced";
  }
}

/** Deletes a record, if it has the expected revision. */
export class Remove extends RespCommand<"replaced" | "conflict" | "absent"> {
  readonly #keys: readonly string[];
  readonly #expected: Buffer;

  constructor(state: ConnectionState, headKey: string, options: ReplaceOptions) {
    super(state, "delete", options);
    this.#expected = revisionBytes(options.ifRevision);
    this.#keys = namesBody(this.#expected) ? [headKey, bodyKeyOf(headKey)] : [headKey];
  }

  protected override send(to: CommandWriter): unknown {
    return removeScript(to, this.#keys, [this.#expected]);
  }

  protected override read(reply: unknown): "replaced" | "conflict" | "absent" {
    const outcome = Number(reply);
    if (outcome === 2) return "replaced";
    if (outcome === 1) return "conflict";
    // An earlier attempt or another caller deleted the record: this can no longer be determined.
    if (this.mayHaveHappened) throw new OutcomeUnknownError();
    return "absent";
  }

  protected override wasWritten(result: string): boolean {
    return result === "replaced";
  }
}

/** Deletes a record unconditionally. */
export class Delete extends RespCommand<boolean> {
  readonly #headKey: string;

  constructor(state: ConnectionState, headKey: string, options: CacheCallOptions | undefined) {
    super(state, "delete", options);
    this.#headKey = headKey;
  }

  protected override send(to: CommandWriter): unknown {
    return deleteScript(to, [this.#headKey, bodyKeyOf(this.#headKey)], []);
  }

  protected override read(reply: unknown): boolean {
    return Number(reply) === 1 || this.mayHaveHappened;
  }

  protected override wasWritten(result: boolean): boolean {
    return result;
  }
}

/** The insertion of a record. */
import { Buffer } from "node:buffer";
import type { CacheRecord, InsertOptions } from "../../vault/contracts.js";
import { OutcomeUnknownError } from "../../vault/errors.js";
import { RespCommand, UNCLEAR } from "./command.js";
import type { ConnectionState } from "./connection-state.js";
import { toPurgeMs } from "./expiry.js";
import { bodyKeyOf } from "./keys.js";
import { toStored } from "./row.js";
import { discardBodyScript, insertScript } from "./scripts.js";
import { transact } from "./transaction.js";
import type { CommandWriter, RespConnection } from "./vendor.js";

type Outcome = "inserted" | "exists";

/**
 * Inserts a record unless the key is taken.
 *
 * The first attempt uses native commands: SET, or two SETs in a transaction for a record with a body. A
 * script would cost the server ten times as much for a body. Without the transaction, a deletion of the
 * key between the two commands would leave a record without its body. Only a script can determine whether
 * an existing record is the one that an earlier attempt inserted, so retries use a script.
 */
export class Insert extends RespCommand<Outcome> {
  readonly #headKey: string;
  readonly #stored: Buffer;
  readonly #body: Buffer | undefined;
  readonly #purgeMs: number;
  #strategy: "native" | "script" | "clean-up" = "native";
  /** Whether the key certainly belongs to another record. */
  #isKeyTaken = false;

  constructor(
    state: ConnectionState,
    { headKey, record }: { readonly headKey: string; readonly record: CacheRecord },
    options: InsertOptions,
  ) {
    super(state, "store", options);
    const { body } = record;
    this.#headKey = headKey;
    this.#stored = toStored(record.head, body === undefined ? "no body" : "has body");
    this.#body = body && toBuffer(body);
    this.#purgeMs = toPurgeMs(options.purgeAfterMs);
  }

  protected override send(to: CommandWriter): unknown {
    // Only the script recognizes an earlier attempt that was executed although its reply was lost.
    if (this.#strategy === "native" && this.attempts > 1) this.#strategy = "script";
    const [head, body] = [this.#headKey, this.#body];
    if (this.#strategy === "clean-up") return discardBodyScript(to, [head, bodyKeyOf(head)], []);
    if (this.#strategy === "native") return this.#set(to, head, this.#stored);
    const keys = body === undefined ? [head] : [head, bodyKeyOf(head)];
    return insertScript(to, keys, [this.#stored, this.#purgeMs, body ?? ""]);
  }

  protected override sendAlone(connection: RespConnection): Promise<unknown> {
    const body = this.#body;
    if (body === undefined || this.attempts > 1) return super.sendAlone(connection);
    return this.#sendBoth(connection, body);
  }

  protected override read(reply: unknown): Outcome | typeof UNCLEAR {
    if (Array.isArray(reply)) return this.#readBoth(reply);
    if (this.#strategy === "clean-up") return this.#exists();
    return reply === "OK" || Number(reply) === 1 ? "inserted" : this.#exists();
  }

  protected override wasWritten(result: Outcome): boolean {
    return result === "inserted";
  }

  override get bytes(): number {
    return this.#stored.length;
  }

  protected override get isLarge(): boolean {
    return this.#body !== undefined;
  }

  async #sendBoth(connection: RespConnection, body: Buffer): Promise<unknown> {
    const headKey = this.#headKey;
    const { replies, error } = await transact(connection, (to) => {
      this.#set(to, headKey, this.#stored);
      this.#set(to, bodyKeyOf(headKey), body);
    });
    if (error === undefined) return replies;
    // With insufficient permissions the server may execute one command and deny the other.
    if (replies.includes("OK")) this.mayHaveHappened = true;
    throw error;
  }

  #set(to: CommandWriter, key: string, value: Buffer): unknown {
    return to.set(key, value, "PX", this.#purgeMs, "NX");
  }

  #readBoth([head, body]: readonly unknown[]): Outcome | typeof UNCLEAR {
    if (head === "OK" && body === "OK") return "inserted";
    if (head === "OK") {
      // A body without a record, left by a client that died, blocked ours: the script overwrites it.
      this.mayHaveHappened = true;
      return UNCLEAR;
    }
    if (body !== "OK") return this.#exists();
    // The existing record has no body, so our body must be removed.
    this.#isKeyTaken = !this.mayHaveHappened;
    this.#strategy = "clean-up";
    return UNCLEAR;
  }

  #exists(): Outcome | typeof UNCLEAR {
    if (this.#isKeyTaken || !this.mayHaveHappened) return "exists";
    if (this.#strategy === "script") throw new OutcomeUnknownError();
    this.#strategy = "script";
    return UNCLEAR;
  }
}

/** Returns a Buffer: the client libraries convert all other views to text. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

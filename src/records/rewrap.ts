/** Moves sealed records to the current key by wrapping their data keys again. Payloads are not decrypted. */
import { Buffer } from "node:buffer";
import type { Encryptor, KeyState, Revision } from "../vault/contracts.js";
import { isVaultError } from "../vault/errors.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import { joinHead, PREFIX_BYTES, readForm } from "../vault/record.js";
import type { SealedRecords } from "./sealed-records.js";

const MAX_RACES = 16;
/** The number of concurrent writes: a durable cache commits them together. */
const IN_FLIGHT = 32;

/** Options of one `rewrap` call. */
export interface RewrapOptions {
  /** The maximum number of records to move in this call. Default: no limit. */
  readonly limit?: number | undefined;
  /** The cursor at which an earlier call stopped. */
  readonly cursor?: string | undefined;
}

const OPTIONS: OptionsTable<WithDefaults<RewrapOptions, "limit">> = {
  limit: optional(integerWithin(1, Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER),
  cursor: (value) => value as string | undefined,
};

/** The progress since the pass began, over all its calls. */
export interface RewrapReport {
  /** Records visited. A record may be counted twice if other writers change the cache. */
  readonly visited: number;
  /** Records moved to the current key. */
  readonly rewrapped: number;
  /** Records that could not be read or moved. The keys that they name are also counted in `keyUsage`. */
  readonly failed: number;
  /** The number of visited records that now use each key, by key id. */
  readonly keyUsage: Readonly<Record<string, number>>;
  /** The current key when the pass began, if the encryptor names it. */
  readonly currentKeyId?: string | undefined;
  /** The epoch of the key provider when the pass began, if the encryptor names it. */
  readonly keyEpoch?: number | undefined;
  /** The cursor for the next call; absent when every record has been visited. */
  readonly cursor?: string | undefined;
}

/** One state of a record. */
interface RecordState {
  readonly key: string;
  readonly head: Uint8Array;
  readonly revision: Revision;
}

type RewrappingEncryptor = Encryptor & Required<Pick<Encryptor, "keyIdOf" | "rewrap">>;

/** The collaborators of {@link rewrapRecords}. */
export interface RewrapParts {
  readonly records: SealedRecords;
  readonly encryptor: Encryptor;
  /** Awaited between groups of records. It rejects to stop the work. */
  readonly nextSlice: () => Promise<void>;
}

/** Rewraps the records of a cache, page by page. */
export async function rewrapRecords(
  { records, encryptor, nextSlice }: RewrapParts,
  options: RewrapOptions,
): Promise<RewrapReport> {
  const { limit, cursor } = readOptions(options, OPTIONS, { prefix: "" });
  if (!canRewrap(encryptor)) {
    throw new TypeError("the vault's encryptor cannot rewrap: its ciphertexts have no wrapped key");
  }
  const { tally, page } = parseCursor(cursor) ?? {
    tally: Tally.begun(encryptor.keyState?.(records.tenant)),
  };
  // Pending writes under an earlier key could otherwise store records that the scan has already passed.
  await records.begunWritesSettled();
  await nextSlice();
  return new RewrapPass({ records, encryptor, nextSlice }).run(tally, page, limit);
}

class RewrapPass {
  readonly #records: SealedRecords;
  readonly #encryptor: RewrappingEncryptor;
  readonly #nextSlice: () => Promise<void>;

  constructor(parts: RewrapParts & { readonly encryptor: RewrappingEncryptor }) {
    this.#records = parts.records;
    this.#encryptor = parts.encryptor;
    this.#nextSlice = parts.nextSlice;
  }

  /** Continues from the start of a page. `done` counts the records before it. */
  async run(done: Tally, page: string | undefined, limit: number): Promise<RewrapReport> {
    let tally = done;
    let cursor = page;
    let left = limit;
    for (;;) {
      const { entries, cursor: nextPage } = await this.#records.scan(cursor);
      const before = tally;
      tally = tally.copy();
      for (let next = 0; next < entries.length; ) {
        await this.#nextSlice();
        // An unfinished page is repeated by the next call, which finds the records that were already moved.
        if (left === 0) return { ...tally.report(), cursor: formatCursor(before, tally, cursor) };
        const together = entries.slice(next, next + Math.min(left, IN_FLIGHT));
        left -= await this.#visitAll(together, tally);
        next += together.length;
      }
      if (nextPage === undefined) return tally.report();
      cursor = nextPage;
    }
  }

  /** Visits records concurrently; returns the number of records that were written. */
  async #visitAll(entries: readonly RecordState[], tally: Tally): Promise<number> {
    const moves = await Promise.all(entries.map((entry) => this.#visit(entry, tally)));
    return moves.filter(Boolean).length;
  }

  /** Moves one record to the current key; returns whether that needed a write. */
  async #visit(entry: RecordState, tally: Tally): Promise<boolean> {
    tally.visited += 1;
    let state: RecordState | undefined = entry;
    try {
      for (let race = 0; race < MAX_RACES && state !== undefined; race++) {
        const outcome = await this.#move(state, tally);
        if (outcome !== "conflict") return outcome === "moved";
        // Another writer changed the record, perhaps under an old key: read it again.
        state = await this.#lookAgain(state.key);
      }
    } catch (error) {
      // Stop if the key service is unavailable: otherwise every record would wait for its own timeout.
      const isUnavailable = isVaultError(error, "ERR_VAULT_KEY_SERVICE_UNAVAILABLE");
      if (isUnavailable || !isVaultError(error)) throw error;
    }
    // A record that cannot be moved still needs its key, so the report must count that key as used.
    if (state !== undefined) this.#countFailure(state, tally);
    return false;
  }

  async #move(
    state: RecordState,
    tally: Tally,
  ): Promise<"moved" | "current" | "gone" | "conflict"> {
    const form = readForm(state.head);
    const ciphertext = state.head.subarray(PREFIX_BYTES);
    const rewrapped = await this.#encryptor.rewrap(ciphertext, this.#records.tenant);
    if (rewrapped === undefined) {
      tally.count(this.#encryptor.keyIdOf(ciphertext));
      return "current";
    }
    const head = joinHead(form, rewrapped);
    const outcome = await this.#records.replaceStored(state.key, head, state.revision);
    if (outcome === "absent") return "gone";
    if (outcome === "conflict") return "conflict";
    tally.count(this.#encryptor.keyIdOf(rewrapped));
    tally.rewrapped += 1;
    return "moved";
  }

  async #lookAgain(key: string): Promise<RecordState | undefined> {
    const found = await this.#records.stored(key);
    if (found === undefined || found === "evicted") return undefined;
    return { key, head: found.head, revision: found.revision };
  }

  #countFailure(state: RecordState, tally: Tally): void {
    tally.failed += 1;
    try {
      readForm(state.head);
      tally.count(this.#encryptor.keyIdOf(state.head.subarray(PREFIX_BYTES)));
    } catch (error) {
      // Data that is not a record names no key.
      if (!isVaultError(error)) throw error;
    }
  }
}

/** The counts of a report. */
class Tally {
  visited = 0;
  rewrapped = 0;
  failed = 0;
  readonly keyUsage = new Map<string, number>();
  /** The current key id and the provider's epoch when the pass began. */
  readonly currentKeyId: string | undefined;
  readonly keyEpoch: number | undefined;

  private constructor(currentKeyId: string | undefined, keyEpoch: number | undefined) {
    this.currentKeyId = currentKeyId;
    this.keyEpoch = keyEpoch;
  }

  static begun(state: KeyState | undefined): Tally {
    return new Tally(state?.currentKeyId, state?.epoch);
  }

  count(keyId: string): void {
    this.keyUsage.set(keyId, (this.keyUsage.get(keyId) ?? 0) + 1);
  }

  copy(): Tally {
    return Tally.from({ ...this, keyUsage: [...this.keyUsage] });
  }

  static from(counts: {
    readonly visited: number;
    readonly rewrapped: number;
    readonly failed: number;
    readonly keyUsage: Iterable<readonly [string, number]>;
    readonly currentKeyId: string | undefined;
    readonly keyEpoch: number | undefined;
  }): Tally {
    const tally = new Tally(counts.currentKeyId, counts.keyEpoch);
    tally.visited = counts.visited;
    tally.rewrapped = counts.rewrapped;
    tally.failed = counts.failed;
    for (const [keyId, count] of counts.keyUsage) tally.keyUsage.set(keyId, count);
    return tally;
  }

  report(): RewrapReport {
    // No prototype: key ids come from records, and could be the name of a member that every object has.
    const keyUsage: Record<string, number> = Object.create(null);
    for (const [keyId, count] of this.keyUsage) keyUsage[keyId] = count;
    const { visited, rewrapped, failed, currentKeyId, keyEpoch } = this;
    return { visited, rewrapped, failed, keyUsage, currentKeyId, keyEpoch };
  }
}

/** Returns a cursor with the counts up to the page to repeat, but with the count of all moved records. */
function formatCursor(before: Tally, now: Tally, page: string | undefined): string {
  const { visited, failed, currentKeyId, keyEpoch } = before;
  const keyUsage = [...before.keyUsage];
  const counts = { visited, rewrapped: now.rewrapped, failed, keyUsage };
  const progress = { ...counts, currentKeyId, keyEpoch, page };
  return Buffer.from(JSON.stringify(progress)).toString("base64url");
}

function parseCursor(cursor: string | undefined): { tally: Tally; page?: string } | undefined {
  if (cursor === undefined) return undefined;
  if (typeof cursor !== "string") throw new TypeError("cursor must be a string");
  try {
    const progress = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    const { visited, rewrapped, failed, page } = progress;
    const isOurs = [visited, rewrapped, failed].every(Number.isSafeInteger);
    if (isOurs) return { tally: Tally.from(progress), page };
  } catch {
    // Text that does not parse is not a cursor either.
  }
  throw new RangeError("cursor must come from an earlier rewrap");
}

function canRewrap(encryptor: Encryptor): encryptor is RewrappingEncryptor {
  return encryptor.rewrap !== undefined && encryptor.keyIdOf !== undefined;
}

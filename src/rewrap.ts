/** Moves sealed records to the current key: their data keys are wrapped anew, nothing is opened. */
import { Buffer } from "node:buffer";
import { guardRead, guardWrite } from "./sealed-records.js";
import { checkInteger, checkOptions } from "./vault/checks.js";
import type { CacheBackend, Encryptor, Revision } from "./vault/contracts.js";
import { isVaultError } from "./vault/errors.js";
import { joinHead, PREFIX_BYTES, readForm } from "./vault/record.js";

const OPTIONS: ReadonlySet<string> = new Set(["limit", "cursor"]);
const MAX_RACES = 16;

/** How far one call goes. */
export interface RewrapOptions {
  /** The most records to move in this call; no limit when absent. */
  readonly limit?: number | undefined;
  /** Where an earlier call stopped. */
  readonly cursor?: string | undefined;
}

/** What has been done since the pass began, over all its calls. */
export interface RewrapReport {
  /** Records seen; one may be seen twice while others write. */
  readonly visited: number;
  /** Records moved to the current key. */
  readonly rewrapped: number;
  /** Records that could not be read or moved. */
  readonly failed: number;
  /** How many of the visited records use each key now, by key id. */
  readonly keyUsage: Readonly<Record<string, number>>;
  /** Where to go on; absent when every record has been visited. */
  readonly cursor?: string | undefined;
}

/** The report so far and the page of the cache to go on with, as they travel in a cursor. */
interface Progress extends Omit<RewrapReport, "cursor"> {
  readonly page: string | undefined;
}

type RewrappingEncryptor = Encryptor & Required<Pick<Encryptor, "keyIdOf" | "rewrap">>;

/** One state of a record. */
interface RecordState {
  readonly key: string;
  readonly head: Uint8Array;
  readonly revision: Revision;
}

/** Rewraps the records of a cache, page by page. */
export async function rewrapRecords(
  cache: CacheBackend,
  encryptor: Encryptor,
  options: RewrapOptions,
): Promise<RewrapReport> {
  checkOptions(options, "options", OPTIONS);
  const { limit = Number.MAX_SAFE_INTEGER, cursor } = options;
  checkInteger(limit, "limit", { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (!canRewrap(encryptor)) {
    throw new TypeError("the vault's encryptor cannot rewrap: its ciphertexts have no wrapped key");
  }
  return new RewrapPass(cache, encryptor).run(parseCursor(cursor), limit);
}

class RewrapPass {
  readonly #cache: CacheBackend;
  readonly #encryptor: RewrappingEncryptor;

  constructor(cache: CacheBackend, encryptor: RewrappingEncryptor) {
    this.#cache = cache;
    this.#encryptor = encryptor;
  }

  async run(from: Progress, limit: number): Promise<RewrapReport> {
    let progress = from;
    let left = limit;
    for (;;) {
      const { entries, cursor: nextPage } = await guardRead(() => this.#cache.scan(progress.page));
      const page = new PageReport();
      for (const entry of entries) {
        // A page is begun again if it cannot be finished: what it moved is then found in place.
        if (left === 0) return stoppedAt(progress, page.rewrapped);
        if (await this.#visit(entry, page)) left -= 1;
      }
      progress = page.addedTo(progress, nextPage);
      if (nextPage === undefined) return reportOf(progress);
    }
  }

  /** Brings one record under the current key; says whether that took a write. */
  async #visit(entry: RecordState, page: PageReport): Promise<boolean> {
    page.visited += 1;
    try {
      return await this.#move(entry, page);
    } catch (error) {
      if (!isVaultError(error)) throw error;
      page.failed += 1;
      return false;
    }
  }

  async #move(entry: RecordState, page: PageReport): Promise<boolean> {
    let state = entry;
    for (let race = 0; race < MAX_RACES; race++) {
      const ciphertext = state.head.subarray(PREFIX_BYTES);
      const rewrapped = await this.#rewrap(state, ciphertext, page);
      if (rewrapped === undefined) {
        page.count(this.#encryptor.keyIdOf(ciphertext));
        return false;
      }
      const head = joinHead(readForm(state.head), rewrapped);
      const { key, revision } = state;
      const outcome = await guardWrite(() =>
        this.#cache.replace(key, head, { ifRevision: revision }),
      );
      if (outcome === "absent") return false;
      if (outcome === "replaced") {
        page.count(this.#encryptor.keyIdOf(rewrapped));
        page.rewrapped += 1;
        return true;
      }
      // Somebody else wrote in between, perhaps under an old key: look again.
      const found = await guardRead(() => this.#cache.get(key));
      if (found === undefined || found === "evicted") return false;
      state = { key, head: found.head, revision: found.revision };
    }
    page.failed += 1;
    return false;
  }

  /** What cannot be moved is still counted under the key it names: that key is in use. */
  async #rewrap(
    state: RecordState,
    ciphertext: Uint8Array,
    page: PageReport,
  ): Promise<Uint8Array | undefined> {
    readForm(state.head);
    try {
      return await this.#encryptor.rewrap(ciphertext);
    } catch (error) {
      page.count(this.#encryptor.keyIdOf(ciphertext));
      throw error;
    }
  }
}

/** What one page adds to the report. */
class PageReport {
  visited = 0;
  rewrapped = 0;
  failed = 0;
  readonly #keyUsage = new Map<string, number>();

  count(keyId: string): void {
    this.#keyUsage.set(keyId, (this.#keyUsage.get(keyId) ?? 0) + 1);
  }

  addedTo(progress: Progress, page: string | undefined): Progress {
    const keyUsage: Record<string, number> = { ...progress.keyUsage };
    for (const [keyId, count] of this.#keyUsage) keyUsage[keyId] = (keyUsage[keyId] ?? 0) + count;
    return {
      visited: progress.visited + this.visited,
      rewrapped: progress.rewrapped + this.rewrapped,
      failed: progress.failed + this.failed,
      keyUsage,
      page,
    };
  }
}

function reportOf({ visited, rewrapped, failed, keyUsage }: Progress): RewrapReport {
  return { visited, rewrapped, failed, keyUsage };
}

/** The report of a call that stopped within a page, whose moved records count at once. */
function stoppedAt(progress: Progress, moved: number): RewrapReport {
  const stopped = { ...progress, rewrapped: progress.rewrapped + moved };
  return {
    ...reportOf(stopped),
    cursor: Buffer.from(JSON.stringify(stopped)).toString("base64url"),
  };
}

function parseCursor(cursor: string | undefined): Progress {
  if (cursor === undefined) {
    return { visited: 0, rewrapped: 0, failed: 0, keyUsage: {}, page: undefined };
  }
  if (typeof cursor !== "string") throw new TypeError("cursor must be a string");
  try {
    const progress: Progress = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    const counts = [progress.visited, progress.rewrapped, progress.failed];
    const isOurs = counts.every(Number.isSafeInteger) && typeof progress.keyUsage === "object";
    if (isOurs) return progress;
  } catch {
    // Falls through: what does not parse is no cursor either.
  }
  throw new RangeError("cursor must come from an earlier rewrap");
}

function canRewrap(encryptor: Encryptor): encryptor is RewrappingEncryptor {
  return encryptor.rewrap !== undefined && encryptor.keyIdOf !== undefined;
}

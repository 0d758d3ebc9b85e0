/** The cache contract over the databases of one environment. */
import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import {
  type CacheBackend,
  type CacheCallOptions,
  type CacheCapabilities,
  type CacheEntry,
  type CachePage,
  type CacheRecord,
  type Clock,
  type InsertOptions,
  MAX_INLINE_BYTES,
  type ReplaceOptions,
} from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { DEFAULT_TIMEOUT_MS, refuseAborted } from "../deadline.js";
import type { GroupCommit } from "./group-commit.js";
import type { OpeningGate } from "./opening-gate.js";
import { IF_EXISTS } from "./peer.js";
import { type Due, findDue, nameOf, type PurgeStep, tidy } from "./purge.js";
import type { Room } from "./room.js";
import {
  decodeKey,
  encodeHead,
  encodeKey,
  FRONT_BYTES,
  firstRevision,
  isRevision,
  purgeTime,
} from "./rows.js";
import { headRow, type Tables } from "./tables.js";
import { unavailable } from "./unavailable.js";

const SCAN_PAGE = 250;
/** A successor of a key, in the order of keys: nothing lies between them. */
const SUCCESSOR: Buffer = Buffer.of(0);

/** Outcomes of a write that only says whether its condition held. */
const HELD: { readonly ifHeld: boolean; readonly otherwise: boolean } = {
  ifHeld: true,
  otherwise: false,
};

/** What the caches of one environment share. */
export interface Store {
  readonly tables: Tables;
  readonly gate: OpeningGate;
  readonly commit: GroupCommit;
  readonly room: Room;
  readonly durability: CacheCapabilities["durability"];
}

/** What an {@link LmdbCache} is made of. */
export interface LmdbCacheParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Gives back the environment, when nothing is in flight any more. */
  readonly release: () => Promise<void>;
}

export class LmdbCache implements CacheBackend {
  readonly shared = true;
  readonly outlivesProcess = true;
  readonly maxInlineBytes: number = MAX_INLINE_BYTES;
  readonly frontBytes: number = FRONT_BYTES;
  readonly #parts: LmdbCacheParts;
  readonly #purges = new Set<Promise<number>>();
  #closing: Promise<void> | undefined;

  constructor(parts: LmdbCacheParts) {
    this.#parts = parts;
  }

  async ready(): Promise<CacheCapabilities> {
    const { gate, durability } = this.#store(undefined);
    await gate.ready();
    return { durability, evicts: false };
  }

  insert(key: string, record: CacheRecord, options: InsertOptions): Promise<"inserted" | "exists"> {
    const { tables, commit, room } = this.#store(options);
    const keyBytes = encodeKey(key);
    const { head, body } = record;
    const byteCount = keyBytes.length + head.length + (body?.length ?? 0);
    room.checkGrowth(byteCount);
    const purgeAtMs = purgeTime(this.#parts.clock.now(), options.purgeAfterMs);
    const row = encodeHead(record, { purgeAtMs, hasBody: body !== undefined });
    const { heads, bodies } = tables;
    const issue =
      body === undefined
        ? () => heads.put(keyBytes, row, firstRevision(), null)
        : () =>
            heads.ifNoExists(keyBytes, () => {
              void heads.put(keyBytes, row, firstRevision());
              void bodies.put(keyBytes, body);
            });
    const expiry = { key: keyBytes, purgeAtMs };
    const outcomes = { ifHeld: "inserted", otherwise: "exists" } as const;
    return commit.add<"inserted" | "exists">({ issue, expiry, byteCount, ...outcomes }, options);
  }

  get(key: string, options?: CacheCallOptions): CacheEntry | undefined {
    const { tables } = this.#store(options);
    const keyBytes = encodeKey(key);
    return reading(() => tables.head(keyBytes));
  }

  getBody(key: string, options?: CacheCallOptions): Buffer | undefined {
    const { tables } = this.#store(options);
    const keyBytes = encodeKey(key);
    return reading(() => tables.body(keyBytes));
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): Promise<"replaced" | "conflict" | "absent"> | "conflict" | "absent" {
    const { tables } = this.#store(options);
    const keyBytes = encodeKey(key);
    const row = reading(() => tables.head(keyBytes));
    if (row === undefined) return "absent";
    // A revision never comes back: what is not current now will not be.
    if (!isRevision(options.ifRevision) || row.revision !== options.ifRevision) return "conflict";
    const replaced =
      head === undefined
        ? this.#removeState({ key: keyBytes, row }, options)
        : this.#rewrite({ key: keyBytes, row }, head, options);
    return replaced.then((held) => {
      if (held) return "replaced";
      return reading(() => tables.head(keyBytes)) === undefined ? "absent" : "conflict";
    });
  }

  async delete(key: string, options?: CacheCallOptions): Promise<boolean> {
    const { tables, commit, room } = this.#store(options);
    const keyBytes = encodeKey(key);
    if (reading(() => tables.head(keyBytes)) === undefined) return false;
    room.checkShrinking();
    const issue = async () => {
      const removing = tables.heads.remove(keyBytes, IF_EXISTS);
      // Whatever state the record has come to be in, its body goes with it.
      const [existed] = await Promise.all([removing, tables.bodies.remove(keyBytes)]);
      return existed;
    };
    return commit.add({ issue, byteCount: 0, ...HELD }, options);
  }

  async purgeExpired(limit: number, options?: CacheCallOptions): Promise<number> {
    const purge = this.#purgeAll(this.#store(options), limit, options);
    this.#purges.add(purge);
    try {
      return await purge;
    } finally {
      this.#purges.delete(purge);
    }
  }

  scan(cursor?: string, options?: CacheCallOptions): CachePage {
    const { tables } = this.#store(options);
    const after = cursor === undefined ? undefined : Buffer.from(cursor, "base64url");
    const start = after === undefined ? SUCCESSOR : Buffer.concat([after, SUCCESSOR]);
    return reading(() => {
      tables.refresh();
      const rows = [...tables.heads.getRange({ start, limit: SCAN_PAGE, versions: true })];
      const entries = rows.map((row) => {
        const { head, revision } = headRow(row);
        return { key: decodeKey(row.key), head, revision };
      });
      const last = rows.length < SCAN_PAGE ? undefined : rows.at(-1);
      return last === undefined ? { entries } : { entries, cursor: last.key.toString("base64url") };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A purge writes again after what it has removed.
    await Promise.allSettled(this.#purges);
    await this.#parts.store.commit.settled();
    await this.#parts.release();
  }

  /** Returns what is shared, unless this cache is closed or its caller has given up. */
  #store(options: CacheCallOptions | undefined): Store {
    if (this.#closing !== undefined) throw new CacheUnavailableError();
    refuseAborted(options);
    return this.#parts.store;
  }

  async #purgeAll(
    { tables, room }: Store,
    limit: number,
    options: CacheCallOptions | undefined,
  ): Promise<number> {
    const nowMs = this.#parts.clock.now();
    const endsAtMs = performance.now() + (options?.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 2;
    let purged = 0;
    // What was purged is told, even if it ends early.
    const isWanted = () => this.#closing === undefined && options?.signal?.aborted !== true;
    while (purged < limit && performance.now() < endsAtMs && isWanted()) {
      const step = reading(() => findDue(tables, nowMs, limit - purged));
      if (step.rows.length === 0) break;
      room.checkShrinking();
      purged += await this.#purge(step, options);
    }
    return purged;
  }

  #rewrite({ key, row }: Due, head: Uint8Array, options: ReplaceOptions): Promise<boolean> {
    const { tables, commit, room } = this.#parts.store;
    const { heads, bodies } = tables;
    const isGrowing = head.length > row.head.length;
    if (isGrowing) room.checkGrowth(head.length);
    else room.checkShrinking();
    const { purgeAfterMs, dropBody = false } = options;
    const purgeAtMs =
      purgeAfterMs === undefined ? row.purgeAtMs : purgeTime(this.#parts.clock.now(), purgeAfterMs);
    const keepsBody = row.hasBody && !dropBody;
    const next = encodeHead({ head }, { purgeAtMs, hasBody: keepsBody });
    const issue =
      keepsBody === row.hasBody
        ? () => heads.put(key, next, row.revision + 1, row.revision)
        : () =>
            heads.ifVersion(key, row.revision, () => {
              void heads.put(key, next, row.revision + 1);
              void bodies.remove(key);
            });
    const expiry = purgeAtMs === row.purgeAtMs ? undefined : { key, purgeAtMs };
    return commit.add({ issue, expiry, byteCount: isGrowing ? head.length : 0, ...HELD }, options);
  }

  /** Removes one state of a record. */
  #removeState({ key, row }: Due, options: CacheCallOptions | undefined): Promise<boolean> {
    const { tables, commit, room } = this.#parts.store;
    const { heads, bodies } = tables;
    room.checkShrinking();
    const issue = row.hasBody
      ? () =>
          heads.ifVersion(key, row.revision, () => {
            void heads.remove(key);
            void bodies.remove(key);
          })
      : () => heads.remove(key, row.revision);
    return commit.add({ issue, byteCount: 0, ...HELD }, options);
  }

  /** Removes what a step has found, each in the state in which it was found; says how many went. */
  async #purge(step: PurgeStep, options: CacheCallOptions | undefined): Promise<number> {
    const { tables, commit } = this.#parts.store;
    const removed = await Promise.all(step.due.map((due) => this.#removeState(due, options)));
    const kept = step.due.filter((_, index) => removed[index] === false);
    const names = new Set(kept.map(({ key }) => nameOf(key)));
    await commit.add({ issue: () => tidy(tables, step, names), byteCount: 0, ...HELD }, options);
    return step.due.length - kept.length;
  }
}

/** Runs a read; what goes wrong with it is the cache's failure, never a miss. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}

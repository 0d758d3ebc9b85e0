/** The index of purge times, which is updated some time after the records. */
import {
  preparePluck,
  prepareRaw,
  prepareWrite,
  type SqliteConnection,
  type SqliteStatement,
} from "./vendor.js";

/** The most records indexed in one transaction, which takes about a millisecond. */
const STEP = 1000;

/** Finds due records. The index lacks the records that were inserted since the last step. */
export class ExpiryIndex {
  readonly #indexed: SqliteStatement;
  readonly #next: SqliteStatement;
  readonly #earliest: SqliteStatement;
  readonly #add: SqliteStatement;
  readonly #advance: SqliteStatement;
  readonly #purge: SqliteStatement;

  constructor(connection: SqliteConnection) {
    this.#indexed = prepareRaw(connection, "SELECT id FROM main.handlevault_indexed");
    this.#next = prepareRaw(
      connection,
      `SELECT count(*), max(id) FROM
       (SELECT id FROM main.handlevault_records WHERE id > ? ORDER BY id LIMIT ${STEP})`,
    );
    this.#earliest = preparePluck(
      connection,
      "SELECT purge_at FROM main.handlevault_purges ORDER BY purge_at LIMIT 1",
    );
    this.#add = prepareWrite(
      connection,
      `INSERT OR IGNORE INTO main.handlevault_purges (purge_at, id)
       SELECT purge_at, id FROM main.handlevault_records WHERE id > ? AND id <= ?`,
    );
    this.#advance = prepareWrite(connection, "UPDATE main.handlevault_indexed SET id = ?");
    this.#purge = prepareWrite(
      connection,
      `DELETE FROM main.handlevault_records WHERE id IN
       (SELECT id FROM main.handlevault_purges WHERE purge_at <= ? ORDER BY purge_at LIMIT ?)`,
    );
  }

  /** Whether there are records that are not indexed yet. */
  get isBehind(): boolean {
    return this.#following(this.#indexedId()).count > 0;
  }

  /** The earliest purge time in the index, `undefined` if it is empty. */
  get earliestMs(): number | undefined {
    return this.#earliest.get() as number | undefined;
  }

  /** Indexes the next records; needs a transaction around it. Returns whether there may be more. */
  step(): boolean {
    const from = this.#indexedId();
    const { count, lastId } = this.#following(from);
    if (count === 0) return false;
    this.#add.run(from, lastId);
    this.#advance.run(lastId);
    return count === STEP;
  }

  /** Removes at most `limit` records that are indexed and due. Returns their number. */
  purge(dueMs: number, limit: number): number {
    return this.#purge.run(dueMs, limit).changes;
  }

  #indexedId(): number {
    const row = this.#indexed.get() as readonly [number];
    return row[0];
  }

  #following(id: number): { readonly count: number; readonly lastId: number } {
    const [count, lastId] = this.#next.get(id) as readonly [number, number | null];
    return { count, lastId: lastId ?? id };
  }
}

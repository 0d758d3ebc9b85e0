/** The prepared statements of a cache. */
import { isBytes } from "../../primitives/bytes.js";
import type { CacheEntry, CachePage, CacheRecord, Revision } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import {
  firstRevision,
  isRevision,
  nextRevision,
  REVISION_BYTES,
  toEntry,
  toPrefix,
  toState,
} from "./row.js";
import {
  preparePluck,
  prepareRaw,
  prepareWrite,
  type SqliteConnection,
  type SqliteStatement,
} from "./vendor.js";

/** Few enough for a page not to block the event loop for long, many enough for a fast scan. */
const SCAN_PAGE = 250;

/** The new state that a replacement writes. */
export interface Replacement {
  readonly head: Uint8Array;
  readonly purgeAtMs: number | undefined;
  readonly body: "keep" | "drop";
}

/** Reads and writes rows. A method that writes or drops a body needs a transaction around it. */
export class RecordStatements {
  readonly #get: SqliteStatement;
  readonly #getBody: SqliteStatement;
  readonly #exists: SqliteStatement;
  readonly #scan: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #insertBody: SqliteStatement;
  readonly #replace: SqliteStatement;
  readonly #renew: SqliteStatement;
  readonly #dropBody: SqliteStatement;
  readonly #delete: SqliteStatement;
  readonly #deleteState: SqliteStatement;

  constructor(connection: SqliteConnection) {
    const read = (sql: string) => prepareRaw(connection, sql);
    const write = (sql: string) => prepareWrite(connection, sql);
    // Names include the schema, because a temporary table of the connection's owner would hide a table
    // of the same short name.
    const records = "main.handlevault_records";
    const bodies = "main.handlevault_bodies";
    const ofState = `WHERE key = ? AND substr(state, 1, ${REVISION_BYTES}) = ?`;
    this.#get = preparePluck(connection, `SELECT state FROM ${records} WHERE key = ?`);
    this.#getBody = preparePluck(
      connection,
      `SELECT body FROM ${bodies} WHERE id = (SELECT id FROM ${records} WHERE key = ?)`,
    );
    this.#exists = read(`SELECT 1 FROM ${records} WHERE key = ?`);
    this.#scan = read(
      `SELECT key, state, id FROM ${records} WHERE id > ? ORDER BY id LIMIT ${SCAN_PAGE}`,
    );
    this.#insert = write(
      `INSERT INTO ${records} (key, purge_at, state) VALUES (?, ?, ?)
       ON CONFLICT (key) DO NOTHING`,
    );
    this.#insertBody = write(
      `INSERT INTO ${bodies} (id, body)
       VALUES ((SELECT id FROM ${records} WHERE key = ?), ?)`,
    );
    this.#replace = write(`UPDATE ${records} SET state = ? ${ofState}`);
    this.#renew = write(`UPDATE ${records} SET state = ?, purge_at = ? ${ofState}`);
    this.#dropBody = write(
      `DELETE FROM ${bodies} WHERE id = (SELECT id FROM ${records} WHERE key = ?)`,
    );
    this.#delete = write(`DELETE FROM ${records} WHERE key = ?`);
    this.#deleteState = write(`DELETE FROM ${records} ${ofState}`);
  }

  get(key: string): CacheEntry | undefined {
    const state = this.#get.get(key);
    return state === undefined ? undefined : toEntry(state);
  }

  getBody(key: string): Uint8Array | undefined {
    const body = this.#getBody.get(key);
    if (body === undefined || isBytes(body)) return body;
    throw new CacheUnavailableError();
  }

  scan(after: number): CachePage {
    const rows = this.#scan.all(after) as (readonly [string, unknown, number])[];
    const entries = rows.map(([key, state]) => {
      const { head, revision } = toEntry(state);
      return { key, head, revision };
    });
    const last = rows.at(-1);
    const isComplete = last === undefined || rows.length < SCAN_PAGE;
    return isComplete ? { entries } : { entries, cursor: String(last[2]) };
  }

  insert(key: string, record: CacheRecord, purgeAtMs: number): "inserted" | "exists" {
    const { head, body } = record;
    const { changes } = this.#insert.run(key, purgeAtMs, toState(firstRevision(record), head));
    if (changes === 0) return "exists";
    if (body !== undefined) this.#insertBody.run(key, body);
    return "inserted";
  }

  replace(
    key: string,
    ifRevision: Revision,
    next: Replacement | undefined,
  ): "replaced" | "conflict" | "absent" {
    if (isRevision(ifRevision) && this.#write(key, ifRevision, next)) return "replaced";
    return this.#exists.get(key) === undefined ? "absent" : "conflict";
  }

  delete(key: string): boolean {
    return this.#delete.run(key).changes > 0;
  }

  #write(key: string, revision: number, next: Replacement | undefined): boolean {
    const prefix = toPrefix(revision);
    if (next === undefined) return this.#deleteState.run(key, prefix).changes > 0;
    const { head, purgeAtMs, body } = next;
    const state = toState(nextRevision(revision, body), head);
    const { changes } =
      purgeAtMs === undefined
        ? this.#replace.run(state, key, prefix)
        : this.#renew.run(state, purgeAtMs, key, prefix);
    if (changes > 0 && body === "drop") this.#dropBody.run(key);
    return changes > 0;
  }
}

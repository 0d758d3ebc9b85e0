import { isArrayBuffer, isDate, isMap, isSet } from "../primitives/kinds.js";

/** Columns are read from this many rows: later rows seldom have other columns. */
const SAMPLED_ROWS = 1000;

/** A row of a table: a plain object or a map. */
export type Row = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;

/** Returns whether a value is a list of objects, judged by its first {@link SAMPLED_ROWS} items. */
export function isTable(value: unknown): value is readonly Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.slice(0, SAMPLED_ROWS).every(isRow);
}

/** Returns whether a value is a plain object or a map, and neither a list, a set nor a leaf. */
export function isRow(value: unknown): value is Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const isLeaf = isDate(value) || isArrayBuffer(value) || ArrayBuffer.isView(value);
  return !isLeaf && !isSet(value);
}

/** Returns the members of a row. A map's key that is no text is replaced by its position. */
export function membersOf(row: Row): readonly (readonly [name: string, value: unknown])[] {
  if (!isMap(row)) return Object.entries(row);
  return [...row].map(([key, value], place) => [
    typeof key === "string" ? key : `${place}.`,
    value,
  ]);
}

/** Returns how many members a row has. */
export function widthOf(row: Row): number {
  return isMap(row) ? row.size : Object.keys(row).length;
}

/** The columns of a table, each with its values in the sampled rows. */
export interface Columns {
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  /** Whether the table has more rows, which may have other columns. */
  readonly isSample: boolean;
}

/** Returns the columns of a table's first rows. */
export function columnsOf(rows: readonly Row[]): Columns {
  const values = new Map<string, unknown[]>();
  for (const row of rows.slice(0, SAMPLED_ROWS)) {
    for (const [name, value] of membersOf(row)) {
      const column = values.get(name);
      if (column === undefined) values.set(name, [value]);
      else column.push(value);
    }
  }
  return { values, isSample: rows.length > SAMPLED_ROWS };
}

import { isArrayBuffer, isDate, isMap, isSet } from "../primitives/kinds.js";

/** So many rows are looked at for their columns: later ones seldom have others. */
const SAMPLED_ROWS = 1000;

/** A row of a table: a plain object or a map. */
export type Row = Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;

/** Tells whether a value is a list of objects, as far as it is looked at. */
export function isTable(value: unknown): value is readonly Row[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.slice(0, SAMPLED_ROWS).every(isRow);
}

/** Tells whether a value has named members, and is neither a list nor a value of its own. */
export function isRow(value: unknown): value is Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const isLeaf = isDate(value) || isArrayBuffer(value) || ArrayBuffer.isView(value);
  return !isLeaf && !isSet(value);
}

/** Returns the members of a row; keys of maps that are no text are no names, and stand as a place. */
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

/** The columns of a table, each with the values that the first rows have in it. */
export interface Columns {
  readonly values: ReadonlyMap<string, readonly unknown[]>;
  /** Whether there may be others, in rows that were not looked at. */
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

import { isFieldName, MAX_FIELDS } from "../leak-guard/field-names.js";
import { isSet } from "../primitives/kinds.js";
import { checkBoolean } from "../vault/checks.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";
import { composeSummary, factsIn, type Phrasings, phraseCount } from "./compose-summary.js";
import { numbersIn } from "./numbers-in.js";
import { isRow, isTable, membersOf, type Row } from "./table.js";

/** Of a larger table or list only this many rows are aggregated, and the summary says so. */
const MAX_ROWS = 100_000;
/** A mean with more digits would reveal more than an average. */
const MEAN_DIGITS = 6;
/** If one number makes up more than this share of a sum, the sum nearly reveals it. */
const LARGEST_SHARE = 0.8;
/** Rounding to this many digits removes the error of binary fractions. */
const SUM_DIGITS = 15;

/** Options of {@link aggregateSummarizer}. */
export interface AggregateSummarizerOptions {
  /** The fewest numbers that a figure may be computed from; at least 2. Default 5. */
  readonly minimumGroup?: number | undefined;
  /** Whether to show the range of a column, rounded outward to two digits. Default `false`. */
  readonly range?: boolean | undefined;
}

/** A named group of numbers that are aggregated together. */
type Column = readonly [name: string, numbers: readonly number[]];

type Settings = WithDefaults<AggregateSummarizerOptions, "minimumGroup" | "range">;

const OPTIONS: OptionsTable<Settings> = {
  minimumGroup: optional(integerWithin(2, 2 ** 31 - 1), 5),
  range: optional(checkBoolean, false),
};

/**
 * Returns a summarizer that counts the rows of a table and shows sum and mean of its numeric columns. Of a
 * list or an object it shows sum and mean of all numbers in it.
 *
 * - Columns with fewer numbers than `minimumGroup` are not mentioned.
 * - Columns of equal numbers show no figures.
 * - Sum and mean are shown together or not at all, because one reveals the other. They are hidden if one of
 *   them, rounded or not, equals any number in the payload, or if one number makes up more than four
 *   fifths of the sum.
 * - A column with a figure that repeats any other leaf shows no figures.
 *
 * The difference between two summaries of almost the same rows still reveals the rows that differ.
 *
 * @throws TypeError RangeError An option is wrong.
 *
 * @example
 * ```ts
 * await vault.seal(salaries, { ownerPrincipal, summarizer: aggregateSummarizer({ minimumGroup: 10 }) });
 * // safe view: table, 120 rows, monthly: sum 486730, mean 4056.08
 * ```
 */
export function aggregateSummarizer(options: AggregateSummarizerOptions = {}): Summarizer {
  const named = { name: "aggregateSummarizer options", prefix: "" };
  const settings = readOptions(options, OPTIONS, named);
  return { summarize: (data) => aggregated(data, settings) };
}

function aggregated(data: unknown, settings: Settings): SafeView {
  const { dataType, size, columns } = columnsOf(data);
  const parts: Phrasings[] = [[dataType], ...size];
  const groups = [...columns].filter(([, numbers]) => numbers.length >= settings.minimumGroup);
  const figured = groups.map((column) => figuresOf(column, settings));
  const wanted = new Set(
    figured.flatMap(({ totals, limits }) => [...totals, ...limits]).flatMap(revealedBy),
  );
  const numbersInPayload = numbersIn(data, wanted);
  parts.push(...figured.map((figures) => phrasingsOf(figures, numbersInPayload)));
  const { summary, shown } = composeSummary(data, parts);
  const rowCount = isTable(data) ? data.length : undefined;
  return new SafeView({
    summary,
    ...factsIn(shown.slice(0, 1 + size.length), { dataType, rowCount }),
  });
}

interface Aggregates {
  readonly dataType: string;
  readonly size: readonly Phrasings[];
  readonly columns: Iterable<Column>;
}

function columnsOf(data: unknown): Aggregates {
  if (isTable(data)) {
    const size = [phraseCount(data.length, "row"), ...firstOf(data)];
    return { dataType: "table", size, columns: tableColumns(data) };
  }
  const items = listed(data);
  if (items === undefined) return { dataType: "value", size: [], columns: [] };
  const numbers = items.slice(0, MAX_ROWS).filter(isNumber);
  const size = [phraseCount(items.length, "item"), ...firstOf(items)];
  return { dataType: "list", size, columns: [["numbers", numbers]] };
}

function listed(data: unknown): readonly unknown[] | undefined {
  if (Array.isArray(data)) return data;
  if (isSet(data)) return [...data];
  return isRow(data) ? membersOf(data).map(([, value]) => value) : undefined;
}

function firstOf({ length }: readonly unknown[]): Phrasings[] {
  return length > MAX_ROWS ? [[`figures of the first ${MAX_ROWS}`]] : [];
}

function tableColumns(rows: readonly Row[]): ReadonlyMap<string, readonly number[]> {
  const columns = new Map<string, number[]>();
  for (const row of rows.slice(0, MAX_ROWS)) {
    if (!isRow(row)) continue;
    for (const [name, value] of membersOf(row)) if (isNumber(value)) add(columns, name, value);
  }
  if (columns.size > MAX_FIELDS) return new Map();
  return new Map([...columns].filter(([name]) => isFieldName(name)));
}

function add(columns: Map<string, number[]>, name: string, value: number): void {
  const column = columns.get(name);
  if (column !== undefined) column.push(value);
  else if (columns.size <= MAX_FIELDS) columns.set(name, [value]);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A figure, rounded for the summary and exact. */
interface Figure {
  readonly name: string;
  readonly shown: number;
  readonly exact: number;
}

interface ColumnFigures {
  readonly name: string;
  readonly totals: readonly Figure[];
  readonly limits: readonly Figure[];
}

/** Returns the figures of a column; none for equal numbers, because any figure would reveal them all. */
function figuresOf([name, numbers]: Column, { range }: Settings): ColumnFigures {
  const lowest = numbers.reduce((least, number) => Math.min(least, number));
  const highest = numbers.reduce((most, number) => Math.max(most, number));
  if (lowest === highest) return { name, totals: [], limits: [] };
  const limits = [
    limit("from", outward(lowest, Math.floor)),
    limit("to", outward(highest, Math.ceil)),
  ];
  const totals = isDominated(numbers) ? [] : totalsOf(numbers);
  return { name, totals, limits: range ? limits : [] };
}

/** Returns a limit. Its exact value is always in the payload, so only the rounded one is compared. */
function limit(name: string, shown: number): Figure {
  return { name, shown, exact: shown };
}

/** Returns whether one number makes up most of the sum. */
function isDominated(numbers: readonly number[]): boolean {
  const sizes = numbers.map(Math.abs);
  const largest = sizes.reduce((most, size) => Math.max(most, size));
  return largest > LARGEST_SHARE * sizes.reduce((total, size) => total + size, 0);
}

function totalsOf(numbers: readonly number[]): Figure[] {
  const sum = numbers.reduce((total, number) => total + number, 0);
  const mean = sum / numbers.length;
  return [
    { name: "sum", shown: rounded(sum, SUM_DIGITS), exact: sum },
    { name: "mean", shown: rounded(mean, MEAN_DIGITS), exact: rounded(mean, SUM_DIGITS) },
  ];
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** Returns the numbers that a figure reveals: the one shown, and the exact one, which is close to it. */
function revealedBy({ shown, exact }: Figure): readonly number[] {
  return [shown, exact];
}

/** Returns the phrasings of a column. Sum and mean are shown together or not at all: one reveals the other. */
function phrasingsOf(
  { name, totals, limits }: ColumnFigures,
  numbersInPayload: ReadonlySet<number>,
): Phrasings {
  const isRevealed = (figure: Figure) =>
    revealedBy(figure).some((n) => numbersInPayload.has(n) || !Number.isFinite(n));
  const free = [
    ...(totals.some(isRevealed) ? [] : totals),
    ...limits.filter((figure) => !isRevealed(figure)),
  ];
  if (free.length === 0) return [name];
  return [`${name}: ${free.map((figure) => `${figure.name} ${figure.shown}`).join(", ")}`, name];
}

/** Returns a bound rounded to two digits by `round`, which widens the range. */
function outward(bound: number, round: (value: number) => number): number {
  if (bound === 0) return 0;
  const exponent = Math.floor(Math.log10(Math.abs(bound))) - 1;
  const unit = 10 ** Math.abs(exponent);
  return exponent < 0 ? round(bound * unit) / unit : round(bound / unit) * unit;
}

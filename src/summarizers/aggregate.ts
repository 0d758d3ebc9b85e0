import { isFieldName, MAX_FIELDS } from "../leak-guard/field-names.js";
import { isSet } from "../primitives/kinds.js";
import { checkBoolean, checkInteger, checkOptions } from "../vault/checks.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";
import { composeSummary, factsIn, type Phrasings, phraseCount } from "./compose-summary.js";
import { numbersIn } from "./numbers-in.js";
import { isRow, isTable, membersOf, type Row } from "./table.js";

const OPTIONS: ReadonlySet<string> = new Set(["minimumGroup", "range"]);
const DEFAULT_GROUP = 5;
/** So many rows are counted up; of more, the first ones are, and the summary says so. */
const MAX_ROWS = 100_000;
/** A mean of more digits tells more than a mean is meant to. */
const MEAN_DIGITS = 6;
/** A number that makes up more than this of a sum is nearly told by it. */
const LARGEST_SHARE = 0.8;
/** Digits that take away the noise of binary fractions. */
const SUM_DIGITS = 15;

/** What {@link aggregateSummarizer} shows. */
export interface AggregateSummarizerOptions {
  /** How many numbers a figure is made of at least; from 2. Default 5. */
  readonly minimumGroup?: number | undefined;
  /** Whether to show the range of a column, rounded outward to two digits. Default: it is not shown. */
  readonly range?: boolean | undefined;
}

/** Numbers that are summed up together, and what they are called. */
type Column = readonly [name: string, numbers: readonly number[]];

interface Settings {
  readonly minimumGroup: number;
  readonly range: boolean;
}

/**
 * Returns a summarizer that counts the rows of a table and gives sum and mean of its numeric columns; of a
 * list of numbers, or of an object's own numbers, those of all of them.
 *
 * Columns of fewer numbers than `minimumGroup` are not mentioned, and columns of equal numbers show no
 * figures. Where the sum or the mean equals any number of the payload, before or after it is rounded, or
 * one number makes up more than four fifths of the sum, neither is shown, because one would tell the other;
 * a column with a figure that repeats any other leaf shows none. Two summaries of almost the same rows still
 * tell the difference between them.
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
  checkOptions(options, "aggregateSummarizer options", OPTIONS);
  const { minimumGroup = DEFAULT_GROUP, range = false } = options;
  checkInteger(minimumGroup, "minimumGroup", { min: 2, max: 2 ** 31 - 1 });
  checkBoolean(range, "range");
  return { summarize: (data) => aggregated(data, { minimumGroup, range }) };
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

/** A figure as it is shown, and what it is before it is rounded. */
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

/** Of equal numbers every figure tells all of them. */
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

/** The limit itself is a number of the payload: what counts is whether it is one after rounding. */
function limit(name: string, shown: number): Figure {
  return { name, shown, exact: shown };
}

/** Tells whether one number makes up most of the sum. */
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

/** The numbers that somebody who sees a figure knows, or nearly. */
function revealedBy({ shown, exact }: Figure): readonly number[] {
  return [shown, exact];
}

/** Sum and mean stand together or not at all: one of them would tell the other. */
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

/** Rounds to two digits, away from the middle. */
function outward(limit: number, round: (value: number) => number): number {
  if (limit === 0) return 0;
  const exponent = Math.floor(Math.log10(Math.abs(limit))) - 1;
  const unit = 10 ** Math.abs(exponent);
  return exponent < 0 ? round(limit * unit) / unit : round(limit / unit) * unit;
}

import { isFieldName, MAX_FIELDS } from "../leak-guard/field-names.js";
import { isBytes } from "../primitives/bytes.js";
import { isArrayBuffer, isDate, isMap, isSet } from "../primitives/kinds.js";
import { checkOptions } from "../vault/checks.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";
import { composeSummary, factsIn, type Phrasings, phraseCount } from "./compose-summary.js";
import { mediaTypeOf } from "./media-type.js";
import { columnsOf, isRow, isTable, membersOf, type Row, widthOf } from "./table.js";

const OPTIONS: ReadonlySet<string> = new Set(["hide", "rename"]);

/** Options of {@link schemaSummarizer}. */
export interface SchemaSummarizerOptions {
  /** Field names to hide. They are only counted. */
  readonly hide?: readonly string[] | undefined;
  /** Identifiers to show in place of field names. */
  readonly rename?: Readonly<Record<string, string>> | undefined;
}

/** The shape of a payload: its kind, the summary parts before the fields, and its fields. */
interface Shape {
  readonly dataType: string;
  readonly parts: readonly Phrasings[];
  readonly fields?: ReadonlyMap<string, readonly unknown[]>;
}

/**
 * Returns a summarizer that shows the shape of a payload and none of its values:
 *
 * - the fields of an object and their types,
 * - the rows and columns of a table,
 * - the length of a text,
 * - the size of bytes, and the media type according to the first bytes.
 *
 * Field names are shown only if they are identifiers and at most 64, so that a map with personal numbers as
 * keys shows only a count. Anything else that would repeat a value of the payload is left out, such as a
 * count that equals a number in it or a word that occurs in it.
 *
 * @throws TypeError An option is of the wrong type.
 * @throws RangeError A new name is not an identifier.
 *
 * @example
 * ```ts
 * await vault.seal(patients, { ownerPrincipal, summarizer: schemaSummarizer({ hide: ["hivStatus"] }) });
 * // safe view: table, 120 rows, 3 columns, id (text), born (text), 1 hidden
 * ```
 */
export function schemaSummarizer(options: SchemaSummarizerOptions = {}): Summarizer {
  const labelOf = readLabels(options);
  return {
    summarize(data) {
      const { dataType, parts, fields = new Map() } = shapeOf(data);
      const types = shownTypes(fields, labelOf);
      const named = [...types].map(([label, type]) => [`${label} (${type})`, label]);
      const hidden = fields.size - types.size;
      const rest = hidden > 0 ? [[`${hidden} hidden`]] : [];
      const { summary, shown } = composeSummary(data, [...parts, ...named, ...rest]);
      const facts = factsIn(shown.slice(0, parts.length), { dataType, rowCount: rowCountOf(data) });
      return new SafeView({
        summary,
        ...facts,
        schema: typesIn(types, shown.slice(parts.length)),
      });
    },
  };
}

function readLabels(options: SchemaSummarizerOptions): (name: string) => string | undefined {
  checkOptions(options, "schemaSummarizer options", OPTIONS);
  const { hide = [], rename = {} } = options;
  if (!Array.isArray(hide)) throw new TypeError("hide must be an array of strings");
  if (typeof rename !== "object" || rename === null)
    throw new TypeError("rename must be an object");
  const hidden = new Set<unknown>(hide);
  const labels = new Map(Object.entries(rename));
  for (const label of labels.values()) {
    if (typeof label !== "string") throw new TypeError("rename must have strings for members");
    if (!isFieldName(label)) throw new RangeError("rename must give identifiers");
  }
  return (name) => {
    if (hidden.has(name)) return undefined;
    return labels.get(name) ?? (isFieldName(name) ? name : undefined);
  };
}

function shownTypes(
  fields: ReadonlyMap<string, readonly unknown[]>,
  labelOf: (name: string) => string | undefined,
): ReadonlyMap<string, string> {
  const shown = new Map<string, string>();
  for (const [name, values] of fields.size > MAX_FIELDS ? [] : fields) {
    const label = labelOf(name);
    if (label !== undefined) shown.set(label, typeOf(values));
  }
  return shown;
}

/** Returns the fields and types that the summary shows: the schema must not reveal what it left out. */
function typesIn(
  types: ReadonlyMap<string, string>,
  shown: readonly (string | undefined)[],
): Record<string, string> {
  const named = [...types].flatMap(([label, type], place) => {
    const phrasing = shown[place];
    return phrasing === undefined ? [] : [[label, phrasing === label ? "" : type] as const];
  });
  return Object.fromEntries(named);
}

function shapeOf(data: unknown): Shape {
  if (isTable(data)) return tableShape(data);
  if (Array.isArray(data)) return sizedShape("list", data.length, "item");
  if (isSet(data)) return sizedShape("set", data.size, "item");
  if (isBytes(data)) return bytesShape(data);
  if (isRow(data)) {
    const fields = new Map(membersOf(data).map(([name, value]) => [name, [value]]));
    const dataType = isMap(data) ? "map" : "object";
    return { ...sizedShape(dataType, widthOf(data), "field"), fields };
  }
  if (typeof data === "string") return sizedShape("text", data.length, "character");
  return { dataType: typeOf([data]), parts: [[typeOf([data])]] };
}

function tableShape(rows: readonly Row[]): Shape {
  const { values, isSample } = columnsOf(rows);
  const columns = phraseCount(values.size, "column").map(
    (text) => `${isSample ? "at least " : ""}${text}`,
  );
  const { parts } = sizedShape("table", rows.length, "row");
  return { dataType: "table", parts: [...parts, columns], fields: values };
}

function rowCountOf(data: unknown): number | undefined {
  return isTable(data) || (Array.isArray(data) && data.length === 0) ? data.length : undefined;
}

function bytesShape(bytes: Uint8Array): Shape {
  const mediaType = mediaTypeOf(bytes);
  const { dataType, parts } = sizedShape("bytes", bytes.length, "byte");
  return {
    dataType,
    parts: mediaType === undefined ? parts.slice(1) : [[mediaType], ...parts.slice(1)],
  };
}

function sizedShape(dataType: string, size: number, unit: string): Shape {
  return { dataType, parts: [[dataType], phraseCount(size, unit)] };
}

/** Returns the common type of some values; `mixed` if they have none. */
function typeOf(values: readonly unknown[]): string {
  const types = new Set(
    values.filter((value) => value !== null && value !== undefined).map(oneType),
  );
  const [type = "empty"] = types;
  return types.size > 1 ? "mixed" : type;
}

function oneType(value: unknown): string {
  if (Array.isArray(value)) return "list";
  if (isDate(value)) return "date";
  if (isMap(value)) return "map";
  if (isSet(value)) return "set";
  if (ArrayBuffer.isView(value) || isArrayBuffer(value)) return "bytes";
  if (typeof value === "string") return "text";
  return typeof value === "bigint" ? "number" : typeof value;
}

/** Decodes the escapes in texts and keeps the source position of each unit. */
import { Buffer } from "node:buffer";

/** A decoded text. Positions are indices of UTF-16 code units in the source text. */
export interface Reading {
  readonly text: string;
  /** The start of each unit's source; one more entry gives the end of the text. */
  readonly starts: Uint32Array;
  /** For each unit, the end of the source of the unit before it. */
  readonly ends: Uint32Array;
  /** How the source of a match is encoded, which decides how to check the characters around it. */
  readonly form: "plain" | "escaped" | "bytes";
}

/** One kind of escapes: their syntax and their meaning. */
interface Escapes {
  /** A fast test: a text that does not match has no such escapes. */
  readonly sign: RegExp;
  readonly pattern: RegExp;
  readonly meant: (found: string) => string;
}

const LETTERS: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A backslash: JSON, JavaScript, shells, Markdown, regular expressions. */
const BACKSLASH: Escapes = {
  sign: /\\/,
  pattern: /\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[bfnrt]|[^\s\p{L}\p{N}])/gu,
  meant: (found) => {
    const letter = found.charAt(1);
    if (letter === "u" || letter === "x") return unitOf(found.slice(2), 16);
    return LETTERS[letter] ?? found.slice(1);
  },
};

const QUOTES: readonly Escapes[] = [
  // Quotes that are doubled within quotes of the same kind: CSV (RFC 4180) and SQL.
  { sign: /''|""/, pattern: /''|""/g, meant: (found) => found.charAt(0) },
  // Quotes that are closed, escaped and opened again: POSIX shells.
  { sign: /'\\'|'"'/, pattern: /'\\''|'"'"'/g, meant: () => "'" },
];

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** Character references of HTML and XML: numeric ones, and the five names that both have. */
const REFERENCES: Escapes = {
  sign: /&/,
  pattern: /&(?:#x[0-9a-f]{1,6}|#\d{1,7}|amp|lt|gt|quot|apos|nbsp);/gi,
  meant: (found) => {
    const name = found.slice(1, -1).toLowerCase();
    if (name.startsWith("#x")) return unitOf(name.slice(2), 16);
    if (name.startsWith("#")) return unitOf(name.slice(1), 10);
    return ENTITIES[name] ?? found;
  },
};

/** Percent-encoding of UTF-8, one character at a time (RFC 3986, and + for a space in forms). */
const PERCENT: Escapes = {
  sign: /[%+]/,
  pattern:
    /%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}|%[89a-f][0-9a-f]|\+/gi,
  meant: (found) =>
    found === "+" ? " " : Buffer.from(found.replaceAll("%", ""), "hex").toString(),
};

/**
 * The escapes that are decoded separately. Backslash escapes are also decoded a second time, because a
 * backslash may itself be escaped.
 */
const READ_ONCE: readonly Escapes[] = [BACKSLASH, ...QUOTES, REFERENCES, PERCENT];

/** Any run of line ends, indentation and invisible characters is compared as one space. */
const SPACES: Escapes = {
  sign: /[^\S ]|\s\s|[\u200b-\u200d\u2060\u00ad]/,
  pattern:
    / [\s\u200b-\u200d\u2060\u00ad]+|[^\S ][\s\u200b-\u200d\u2060\u00ad]*|[\u200b-\u200d\u2060\u00ad]+\s*/g,
  meant: (run) => (/\s/.test(run) ? " " : ""),
};

/** A letter and its combining marks are composed to one character where Unicode has one (NFC). */
const MARKS: Escapes = {
  sign: /\p{M}/u,
  pattern: /\P{M}\p{M}+/gu,
  meant: (letters) => letters.normalize("NFC"),
};

/** Returns a text in canonical form, for comparison: white space and combining marks are normalised. */
export function canonical(text: string): string {
  return [SPACES, MARKS].reduce(
    (so, { sign, pattern, meant }) => (sign.test(so) ? so.replace(pattern, meant) : so),
    text,
  );
}

/** Yields the possible decodings of a text, each in canonical form. */
export function* readingsOf(text: string): Generator<Reading> {
  yield* escapedReadingsOf(text);
  yield* base64Readings(text);
}

/** Yields the possible decodings of a text except base64, each in canonical form. */
export function* escapedReadingsOf(text: string): Generator<Reading> {
  const written = asWritten(text);
  yield canonicalOf(written);
  for (const escapes of READ_ONCE) {
    if (!escapes.sign.test(text)) continue;
    const once = read(written, escapes, "escaped");
    yield canonicalOf(once);
    if (escapes === BACKSLASH && escapes.sign.test(once.text)) {
      yield canonicalOf(read(once, escapes, "escaped"));
    }
  }
}

function asWritten(text: string): Reading {
  const starts = new Uint32Array(text.length + 1);
  for (let at = 0; at <= text.length; at++) starts[at] = at;
  return { text, starts, ends: starts, form: "plain" };
}

function canonicalOf(reading: Reading): Reading {
  return [SPACES, MARKS].reduce((given, escapes) => read(given, escapes, given.form), reading);
}

function read(given: Reading, { sign, pattern, meant }: Escapes, form: Reading["form"]): Reading {
  if (!sign.test(given.text)) return given;
  const { text } = given;
  const parts: string[] = [];
  const places: number[] = [];
  let from = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    const unit = meant(found);
    parts.push(text.slice(from, index), unit);
    places.push(index, unit.length, index + found.length);
    from = index + found.length;
  }
  parts.push(text.slice(from));
  const meantText = parts.join("");
  const starts = placesOf(given.starts, places, meantText.length);
  const ends =
    given.ends === given.starts ? starts : placesOf(given.ends, places, meantText.length);
  return { text: meantText, starts, ends, form };
}

/** Maps the positions of units through escapes: all units of one escape have its position. */
function placesOf(given: Uint32Array, escapes: readonly number[], length: number): Uint32Array {
  const places = new Uint32Array(length + 1);
  let [to, from] = [0, 0];
  for (let next = 0; next < escapes.length; next += 3) {
    const [index, units, end] = [
      escapes[next] ?? 0,
      escapes[next + 1] ?? 0,
      escapes[next + 2] ?? 0,
    ];
    places.set(given.subarray(from, index), to);
    to += index - from;
    places.fill(given[index] ?? 0, to, to + units);
    to += units;
    from = end;
  }
  places.set(given.subarray(from), to);
  return places;
}

/** Matches text that may be base64 (RFC 4648), also in lines (RFC 2045). */
const BASE64_RUN = /[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]+)*/g;
const UNITS_PER_GROUP = 4;

/**
 * Yields the decoded bytes of base64 runs, one byte per unit. A value may begin anywhere within a run, so all
 * four alignments are decoded.
 */
function* base64Readings(text: string): Generator<Reading> {
  const runs = [...text.matchAll(BASE64_RUN)].map(({ 0: run, index }) => ({ run, index }));
  if (runs.length === 0) return;
  for (let shift = 0; shift < UNITS_PER_GROUP; shift++) yield canonicalOf(decoded(runs, shift));
}

interface Run {
  readonly run: string;
  readonly index: number;
}

function decoded(runs: readonly Run[], shift: number): Reading {
  const texts: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [0];
  for (const { run, index } of runs) {
    const places = placesOfDigits(run, index);
    const digits = run.replaceAll(/[\r\n]/g, "").slice(shift);
    const bytes = Buffer.from(digits, "base64");
    for (let at = 0; at < bytes.length; at++) {
      starts.push(places[shift + Math.floor((8 * at) / 6)] ?? 0);
      ends.push((places[shift + Math.floor((8 * at + 7) / 6)] ?? 0) + 1);
    }
    texts.push(bytes.toString("latin1"), SEPARATOR);
    starts.push(index + run.length);
    ends.push(index + run.length);
  }
  starts.push(starts.at(-1) ?? 0);
  return {
    text: texts.join(""),
    starts: Uint32Array.from(starts),
    ends: Uint32Array.from(ends),
    form: "bytes",
  };
}

/** Separates two runs. No value contains it. */
const SEPARATOR = "\0";

function placesOfDigits(run: string, index: number): number[] {
  const places: number[] = [];
  for (let at = 0; at < run.length; at++) {
    if (run[at] !== "\r" && run[at] !== "\n") places.push(index + at);
  }
  return places;
}

function unitOf(digits: string, radix: number): string {
  const code = Number.parseInt(digits, radix);
  return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
}

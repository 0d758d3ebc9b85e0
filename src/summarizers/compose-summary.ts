import { Buffer } from "node:buffer";
import { fold } from "../leak-guard/fold.js";
import { LeakGuard } from "../leak-guard/leak-guard.js";
import { ViewIndex } from "../leak-guard/view-index.js";
import { MAX_SAFE_VIEW_BYTES } from "../vault/checks.js";

/** A part of a summary, and shorter ways to say it, down to leaving it out. */
export type Phrasings = readonly string[];

/** A summary, and what each of its parts came to. */
export interface ComposedSummary {
  readonly summary: string;
  /** The phrasings that stand in it, in the order of the parts; `undefined` for what was left out. */
  readonly shown: readonly (string | undefined)[];
}

const NOTHING: ComposedSummary = { summary: "", shown: [] };

/** So many times parts are left out before the whole summary is. */
const MAX_ROUNDS = 16;
const SEPARATOR = ", ";

/**
 * Returns a summary that repeats no leaf of the payload, field names aside, and fits into a safe view.
 *
 * Wherever a phrasing has a leaf in common with the payload (a figure that equals a value, a word that is
 * a value as well), the next phrasing of that part stands instead, and nothing after the last.
 */
export function composeSummary(data: unknown, phrasings: readonly Phrasings[]): ComposedSummary {
  const guard = new LeakGuard();
  const parts = phrasings.map((part) => new Part(part));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const draft = fitted(parts);
    let isLeaking = false;
    guard.search({ data, text: draft.summary }, ({ leaf }) => {
      isLeaking = true;
      const folded = typeof leaf === "string" ? fold(leaf) : leaf;
      for (const part of parts) part.compare(folded);
      return parts.every(({ isSettled }) => isSettled);
    });
    if (!isLeaking) return draft;
    // Words that leak only where two parts meet have nothing to be replaced by.
    if (parts.filter((part) => part.shorten()).length === 0) return NOTHING;
  }
  return NOTHING;
}

/** Returns how many there are of something, in one part of a summary. */
export function phraseCount(count: number, unit: string): Phrasings {
  const units = count === 1 ? unit : `${unit}s`;
  return [`${count} ${units}`, units];
}

/** A part as it is worded at present. */
class Part {
  readonly #phrasings: Phrasings;
  #place = 0;
  #index: ViewIndex | undefined;
  #isLeaking = false;

  constructor(phrasings: Phrasings) {
    this.#phrasings = phrasings;
  }

  get phrasing(): string | undefined {
    return this.#phrasings[this.#place];
  }

  /** Whether another leaf would change nothing. */
  get isSettled(): boolean {
    return this.#isLeaking || this.phrasing === undefined;
  }

  /** @param leaf - One that leaks, folded if it is a text. */
  compare(leaf: unknown): void {
    if (this.#isLeaking || this.phrasing === undefined) return;
    this.#index ??= new ViewIndex(this.phrasing);
    this.#isLeaking =
      typeof leaf === "string" ? this.#index.hasAsciiText(leaf) : this.#index.hasLeaf(leaf);
  }

  /** Takes the next phrasing if a leaf leaks through this one; tells whether it did. */
  shorten(): boolean {
    if (!this.#isLeaking) return false;
    this.#isLeaking = false;
    this.#index = undefined;
    this.#place += 1;
    return true;
  }
}

/** Returns the parts in one text: as many as fit, and how many were left out. */
function fitted(parts: readonly Part[]): ComposedSummary {
  const shown = parts.map(({ phrasing }) => phrasing);
  const texts = shown.filter((phrasing) => phrasing !== undefined);
  const whole = texts.join(SEPARATOR);
  if (Buffer.byteLength(whole) <= MAX_SAFE_VIEW_BYTES) return { summary: whole, shown };
  const kept: string[] = [];
  let room = MAX_SAFE_VIEW_BYTES - Buffer.byteLength(`${SEPARATOR}${texts.length} more`);
  for (const text of texts) {
    room -= Buffer.byteLength(text) + SEPARATOR.length;
    if (room < 0) break;
    kept.push(text);
  }
  const summary = [...kept, `${texts.length - kept.length} more`].join(SEPARATOR);
  const places = shown.flatMap((phrasing, place) => (phrasing === undefined ? [] : [place]));
  const end = places[kept.length] ?? shown.length;
  return { summary, shown: shown.map((phrasing, place) => (place < end ? phrasing : undefined)) };
}

/** What is said of a payload's kind and size, beside the summary that says the same. */
export interface SummaryFacts {
  readonly dataType: string | undefined;
  readonly rowCount: number | undefined;
}

/**
 * Returns a payload's kind and its number of rows, as far as the phrasings that name them stand in its
 * summary: what was left out there, because it equals a value, is not told beside it.
 */
export function factsIn(
  shown: readonly (string | undefined)[],
  { dataType, rowCount }: SummaryFacts,
): SummaryFacts {
  const words = shown.flatMap((phrasing) => phrasing?.split(" ") ?? []);
  return {
    dataType: words.includes(String(dataType)) ? dataType : undefined,
    rowCount: words.includes(String(rowCount)) ? rowCount : undefined,
  };
}

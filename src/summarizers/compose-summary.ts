import { Buffer } from "node:buffer";
import { fold } from "../leak-guard/fold.js";
import { LeakGuard } from "../leak-guard/leak-guard.js";
import { ViewIndex } from "../leak-guard/view-index.js";
import { MAX_SAFE_VIEW_BYTES } from "../vault/checks.js";

/** The phrasings of one part of a summary, in the order of preference. After the last it is left out. */
export type Phrasings = readonly string[];

/** A summary, and the phrasing that was chosen for each of its parts. */
export interface ComposedSummary {
  readonly summary: string;
  /** The chosen phrasings, in the order of the parts; `undefined` for parts that were left out. */
  readonly shown: readonly (string | undefined)[];
}

const NOTHING: ComposedSummary = { summary: "", shown: [] };

/** After this many rounds of replacing phrasings, the summary stays empty. */
const MAX_ROUNDS = 16;
const SEPARATOR = ", ";

/**
 * Returns a summary that fits into a safe view and repeats no leaf of the payload except field names.
 *
 * A phrasing that repeats a leaf (a figure that equals a value, a word that is also a value) is replaced by
 * the next one of its part. After the last one the part is left out.
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
    // The leak spans two parts: no single phrasing can be replaced.
    if (parts.filter((part) => part.shorten()).length === 0) return NOTHING;
  }
  return NOTHING;
}

/** Returns the phrasings of a count: with the number, or only the unit. */
export function phraseCount(count: number, unit: string): Phrasings {
  const units = count === 1 ? unit : `${unit}s`;
  return [`${count} ${units}`, units];
}

/** A part with its current phrasing. */
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

  /** Whether no further leaf can change the result of this round. */
  get isSettled(): boolean {
    return this.#isLeaking || this.phrasing === undefined;
  }

  /**
   * Checks whether a leaking leaf leaks through this part.
   *
   * @param leaf - The leaf, folded if it is a text.
   */
  compare(leaf: unknown): void {
    if (this.#isLeaking || this.phrasing === undefined) return;
    this.#index ??= new ViewIndex(this.phrasing);
    this.#isLeaking =
      typeof leaf === "string" ? this.#index.hasAsciiText(leaf) : this.#index.hasLeaf(leaf);
  }

  /** Moves on to the next phrasing if a leaf leaks through this one. Returns whether it did. */
  shorten(): boolean {
    if (!this.#isLeaking) return false;
    this.#isLeaking = false;
    this.#index = undefined;
    this.#place += 1;
    return true;
  }
}

/** Returns a summary of as many parts as fit, with the number of the other ones. */
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

/** The kind and size of a payload, which a `SafeView` has as fields beside its summary. */
export interface SummaryFacts {
  readonly dataType: string | undefined;
  readonly rowCount: number | undefined;
}

/**
 * Returns the kind and the number of rows of a payload, if its summary shows them. A fact that the summary
 * had to leave out, because it equals a value, must not appear in the fields either.
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

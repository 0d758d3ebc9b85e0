import { Buffer } from "node:buffer";
import { MAX_SAFE_VIEW_BYTES } from "../vault/checks.js";
import { fold } from "./fold.js";
import { LeakGuard } from "./leak-guard.js";
import { ViewIndex } from "./view-index.js";

/** A part of a summary, and shorter ways to say it, down to leaving it out. */
export type Wordings = readonly string[];

/** So many times parts are left out before the whole summary is. */
const MAX_ROUNDS = 16;
const SEPARATOR = ", ";

/**
 * Returns a summary that repeats no leaf of the payload, field names aside, and fits into a safe view.
 *
 * Wherever a wording has a leaf in common with the payload (a figure that equals a value, a word that is
 * a value as well), the next wording of that part stands instead, and nothing after the last.
 */
export function composed(data: unknown, wordings: readonly Wordings[]): string {
  const guard = new LeakGuard();
  const parts = wordings.map((part) => new Part(part));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const text = fitted(parts);
    let isLeaking = false;
    guard.search({ data, text }, ({ leaf }) => {
      isLeaking = true;
      const folded = typeof leaf === "string" ? fold(leaf) : leaf;
      for (const part of parts) part.compare(folded);
      return parts.every(({ isSettled }) => isSettled);
    });
    if (!isLeaking) return text;
    // Words that leak only where two parts meet have nothing to be replaced by.
    if (parts.filter((part) => part.shorten()).length === 0) return "";
  }
  return "";
}

/** Returns how many there are of something, in one part of a summary. */
export function counted(count: number, unit: string): Wordings {
  const units = count === 1 ? unit : `${unit}s`;
  return [`${count} ${units}`, units];
}

/** A part as it is worded at present. */
class Part {
  readonly #wordings: Wordings;
  #place = 0;
  #index: ViewIndex | undefined;
  #isLeaking = false;

  constructor(wordings: Wordings) {
    this.#wordings = wordings;
  }

  get wording(): string | undefined {
    return this.#wordings[this.#place];
  }

  /** Whether another leaf would change nothing. */
  get isSettled(): boolean {
    return this.#isLeaking || this.wording === undefined;
  }

  /** @param leaf - One that leaks, folded if it is a text. */
  compare(leaf: unknown): void {
    if (this.#isLeaking || this.wording === undefined) return;
    this.#index ??= new ViewIndex(this.wording);
    this.#isLeaking =
      typeof leaf === "string" ? this.#index.hasAsciiText(leaf) : this.#index.hasLeaf(leaf);
  }

  /** Takes the next wording if a leaf leaks through this one; tells whether it did. */
  shorten(): boolean {
    if (!this.#isLeaking) return false;
    this.#isLeaking = false;
    this.#index = undefined;
    this.#place += 1;
    return true;
  }
}

/** Returns the parts in one text: as many as fit, and how many were left out. */
function fitted(parts: readonly Part[]): string {
  const texts = parts.flatMap(({ wording }) => (wording === undefined ? [] : [wording]));
  const whole = texts.join(SEPARATOR);
  if (Buffer.byteLength(whole) <= MAX_SAFE_VIEW_BYTES) return whole;
  let count = 0;
  let room = MAX_SAFE_VIEW_BYTES - Buffer.byteLength(`${SEPARATOR}${texts.length} more`);
  for (const text of texts) {
    room -= Buffer.byteLength(text) + SEPARATOR.length;
    if (room < 0) break;
    count += 1;
  }
  return [...texts.slice(0, count), `${texts.length - count} more`].join(SEPARATOR);
}

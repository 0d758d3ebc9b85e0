import { Buffer } from "node:buffer";
import { FRAGMENT, SHORTEST_LEAF } from "./fragments.js";

const QUOTE = 0x22;
/** Letters of ASCII differ from those of the other case in the bit that is missing here. */
const NO_CASE = 0x5f;
const PAIRS = 4096;
const FOURS = 16_384;
/** Every leaf has a pair of neighbours that starts at a multiple of it. */
const STRIDE: number = SHORTEST_LEAF - 1;
/** So that every fragment, and every leaf shorter than one with its quotes, is whole in a window. */
const OVERLAP: number = 2 * FRAGMENT;

/** Text is read here as bytes, which takes a third of the time. Nothing stays in it. */
const window: Buffer = Buffer.alloc(32_768);

/**
 * Tells of the text of a JSON document, as a whole, whether a safe view may repeat a leaf of it.
 *
 * It errs on one side: what it clears has no string of {@link SHORTEST_LEAF} characters or more, and no
 * {@link FRAGMENT} characters of a string, that the safe view has too. Of characters it knows the lowest
 * seven bits but case, of the safe view which pairs and which fours of them it has: that clears almost
 * every document, faster than visiting its leaves does.
 */
export class JsonGlance {
  readonly #pairs = new Uint8Array(PAIRS);
  readonly #fours = new Uint8Array(FOURS);

  /** @param texts - The readings of a safe view, folded. */
  constructor(texts: Iterable<string>) {
    for (const text of texts) this.#add(Buffer.from(text, "latin1"));
  }

  /** @param json - Without escapes; ASCII, or folded as the readings are. */
  mayShareWith(json: string): boolean {
    for (let start = 0; ; start += window.length - OVERLAP) {
      const end = Math.min(start + window.length, json.length);
      const length = window.write(start === 0 ? json : json.slice(start, end), "latin1");
      const mayShare = this.#mayShareIn(length);
      window.fill(0, 0, length);
      if (mayShare || end === json.length) return mayShare;
    }
  }

  #mayShareIn(length: number): boolean {
    const pairs = this.#pairs;
    for (let at = 0; at + 1 < length; at += STRIDE) {
      if (pairs[pairAt(window, at)] === 0) continue;
      let first = this.#fourAround(at, length);
      if (first === undefined) continue;
      let last = first;
      while (this.#hasFour(first - 1, length)) first -= 1;
      while (this.#hasFour(last + 1, length)) last += 1;
      if (decides(first, last + SHORTEST_LEAF, length)) return true;
      // Whatever else is shared has none of these fours, and so begins behind the last of them.
      at = last;
    }
    return false;
  }

  /** Returns where a four begins that the safe view has, and that the pair at `at` is in. */
  #fourAround(at: number, length: number): number | undefined {
    if (this.#hasFour(at, length)) return at;
    if (this.#hasFour(at - 1, length)) return at - 1;
    return this.#hasFour(at - 2, length) ? at - 2 : undefined;
  }

  #hasFour(at: number, length: number): boolean {
    return at >= 0 && at + SHORTEST_LEAF <= length && this.#fours[fourAt(window, at)] !== 0;
  }

  #add(text: Buffer): void {
    for (let at = 0; at + 1 < text.length; at++) this.#pairs[pairAt(text, at)] = 1;
    for (let at = 0; at + SHORTEST_LEAF <= text.length; at++) this.#fours[fourAt(text, at)] = 1;
  }
}

/** Tells whether characters whose fours the safe view has are a fragment, or hold a whole leaf. */
function decides(start: number, end: number, length: number): boolean {
  if (end - start >= FRAGMENT) return true;
  for (let at = start; at < end; at++) if (window[at] === QUOTE) return true;
  return start > 0 && window[start - 1] === QUOTE && end < length && window[end] === QUOTE;
}

/** Returns the place of two neighbours, the same for both cases of a letter. */
function pairAt(bytes: Buffer, at: number): number {
  const first = (bytes[at] as number) & NO_CASE;
  const second = (bytes[at + 1] as number) & NO_CASE;
  return ((first << 5) ^ second) & (PAIRS - 1);
}

function fourAt(bytes: Buffer, at: number): number {
  return ((pairAt(bytes, at) << 2) ^ (5 * pairAt(bytes, at + 2))) & (FOURS - 1);
}

/** Suggests which known id an unknown id was meant to be. */

/** The maximum edit distance between a mangled id and a suggestion. */
const MAX_DISTANCE = 3;
/** The maximum number of known ids to compare with. */
const MAX_KNOWN = 1000;

/** The maximum number of comparisons for one text, which may contain any number of mangled ids. */
const MAX_COMPARISONS = 10_000;

/** Suggests known ids for the mangled ids of one text, up to the limit on comparisons. */
export class NearMisses {
  readonly #known: readonly string[];
  #comparisonsLeft = MAX_COMPARISONS;

  constructor(known: Iterable<string>) {
    this.#known = [...firstOf(known, MAX_KNOWN)];
  }

  /** Returns the nearest known id; `undefined` if none is near or several are equally near. */
  suggestionFor(id: string): string | undefined {
    // Comparing with only some of the ids could miss that two are equally near.
    if (this.#known.length > this.#comparisonsLeft) return undefined;
    this.#comparisonsLeft -= this.#known.length;
    return nearMissOf(id, this.#known);
  }
}

/**
 * Returns the known id nearest to a mangled one; `undefined` if several are equally near.
 *
 * The result is only a suggestion. It must not replace the id automatically.
 */
function nearMissOf(id: string, known: Iterable<string>): string | undefined {
  let nearest: string[] = [];
  let distance = MAX_DISTANCE;
  for (const candidate of known) {
    const found = editDistance(id, candidate);
    if (found > distance) continue;
    nearest = found < distance ? [candidate] : [...nearest, candidate];
    distance = found;
  }
  return nearest.length === 1 ? nearest[0] : undefined;
}

/**
 * Returns the number of insertions, deletions and replacements between two texts, at most one above the
 * maximum distance. The time is linear in the length.
 *
 * Source: E. Ukkonen, "Algorithms for approximate string matching", 1985.
 */
export function editDistance(a: string, b: string): number {
  const tooFar = MAX_DISTANCE + 1;
  if (Math.abs(a.length - b.length) > MAX_DISTANCE) return tooFar;
  let above = Array.from({ length: b.length + 1 }, (_, column) => Math.min(column, tooFar));
  for (let row = 1; row <= a.length; row++) {
    const current = new Array<number>(b.length + 1).fill(tooFar);
    if (row <= MAX_DISTANCE) current[0] = row;
    const last = Math.min(b.length, row + MAX_DISTANCE);
    for (let column = Math.max(1, row - MAX_DISTANCE); column <= last; column++) {
      const replaced = at(above, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const cheapest = Math.min(replaced, at(above, column) + 1, at(current, column - 1) + 1);
      current[column] = Math.min(cheapest, tooFar);
    }
    above = current;
  }
  return at(above, b.length);
}

function* firstOf(ids: Iterable<string>, count: number): Generator<string> {
  let left = count;
  for (const id of ids) {
    yield id;
    left -= 1;
    if (left === 0) return;
  }
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? MAX_DISTANCE + 1;
}

import { ANY, type JsonPointer } from "../primitives/json-pointer.js";
import { isMap } from "../primitives/kinds.js";
import { isFieldName, isMapOfMany } from "./field-names.js";

/** One step of the path from the payload to a leaf. */
export interface Step {
  readonly parent: object;
  readonly key: unknown;
  /** Whether the step leads to the member's name, or into a map's key, instead of to its value. */
  readonly isName?: boolean;
}

/**
 * A leaf that a safe view seems to repeat.
 *
 * Its pointers are built only on demand, because most candidates turn out to be exempt.
 */
export class LeakCandidate {
  readonly leaf: unknown;
  readonly #steps: readonly Step[];

  constructor(leaf: unknown, steps: readonly Step[]) {
    this.leaf = leaf;
    this.#steps = steps;
  }

  /** Whether the leaf is a member's name, or part of a map's key. */
  get isName(): boolean {
    return this.#steps.some(({ isName }) => isName === true);
  }

  get pointer(): JsonPointer {
    return this.#steps.map(({ key }) => tokenOf(key));
  }

  /** The pointer, with `*` in place of names that may be data. */
  get shownPointer(): JsonPointer {
    return this.#steps.map(shownToken);
  }
}

/** Returns the token of a key. A map's key can be an object, which has no text that identifies it. */
function tokenOf(key: unknown): string {
  return typeof key === "object" ? ANY : String(key);
}

function shownToken({ parent, key }: Step): string {
  if (typeof key === "number" && !isMap(parent)) return String(key);
  return typeof key === "string" && isFieldName(key) && !isMapOfMany(parent) ? key : ANY;
}

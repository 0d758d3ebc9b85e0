import { ANY, type JsonPointer } from "../primitives/json-pointer.js";
import { isMap } from "../primitives/kinds.js";
import { isFieldName, isMapOfMany } from "./field-names.js";

/** A member on the way from the payload to a leaf. */
export interface Step {
  readonly parent: object;
  readonly key: unknown;
  /** Whether it leads to the name itself, or into a map's key, and not to the member. */
  readonly isName?: boolean;
}

/**
 * A leaf that a safe view seems to repeat.
 *
 * Most candidates are excused, so that pointers are put together only for whoever asks.
 */
export class LeakCandidate {
  readonly leaf: unknown;
  readonly #steps: readonly Step[];

  constructor(leaf: unknown, steps: readonly Step[]) {
    this.leaf = leaf;
    this.#steps = steps;
  }

  /** Whether it is a member's name, or a part of one. */
  get isName(): boolean {
    return this.#steps.some(({ isName }) => isName === true);
  }

  get pointer(): JsonPointer {
    return this.#steps.map(({ key }) => tokenOf(key));
  }

  /** The pointer with `*` for names that are data. */
  get shownPointer(): JsonPointer {
    return this.#steps.map(shownToken);
  }
}

/** A map's key may be anything; what is an object has no text that tells it from others. */
function tokenOf(key: unknown): string {
  return typeof key === "object" ? ANY : String(key);
}

function shownToken({ parent, key }: Step): string {
  if (typeof key === "number" && !isMap(parent)) return String(key);
  return typeof key === "string" && isFieldName(key) && !isMapOfMany(parent) ? key : ANY;
}

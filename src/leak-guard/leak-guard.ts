import { restoreFastStrings } from "../primitives/fast-strings.js";
import {
  formatPointer,
  matchesPointer,
  type PointerPattern,
  parsePointer,
} from "../primitives/json-pointer.js";
import { SafeViewLeakError } from "../vault/errors.js";
import type { ResolvedSafeView } from "../vault/resolve-safe-view.js";
import type { LeakGuardOptions, LeakGuardSetting } from "../vault/safe-view.js";
import { FieldNameExemption } from "./field-name-exemption.js";
import { LeafSearch, MAX_VALUES } from "./leaf-search.js";
import type { LeakCandidate } from "./leak-candidate.js";
import { isClean } from "./quick-search.js";
import { ViewIndex } from "./view-index.js";

/** A payload and its safe view, before they are sealed. */
export interface SealCheck {
  readonly data: unknown;
  readonly view: ResolvedSafeView;
  /** The setting of this seal. It adds to the places that the guard always allows. */
  readonly setting?: LeakGuardSetting | undefined;
  /** Whether every text in `data` is known to be ASCII. */
  readonly isAscii: boolean;
}

/** The input of one search. */
export interface LeakQuery {
  readonly data: unknown;
  /** The safe view. */
  readonly text: string;
  /** Places whose values the safe view may repeat. */
  readonly allow?: readonly PointerPattern[] | undefined;
  /** Whether every text in `data` is known to be ASCII. Default `false`. */
  readonly isAscii?: boolean;
}

/**
 * Finds leaves of payloads in safe views. Keeps the index of the last safe view, because consecutive
 * payloads often share one.
 */
export class LeakGuard {
  /** The places that every seal allows; `undefined` if the guard is off. */
  readonly #allow: readonly PointerPattern[] | undefined;
  readonly #knownNames: string[][] = [];
  #text: string | undefined;
  #index: ViewIndex | undefined;

  constructor(setting: LeakGuardSetting = { allow: [] }) {
    this.#allow = setting === "off" ? undefined : setting.allow.map(parsePointer);
    restoreFastStrings();
  }

  /**
   * Throws if a safe view repeats a leaf of its payload.
   *
   * @throws {@link SafeViewLeakError} The safe view repeats a leaf; `path` is the leaf's place.
   */
  check({ data, view, setting, isAscii }: SealCheck): void {
    if (setting === "off" || (setting ?? this.#allow) === undefined) return;
    const allow = this.#allowedBy(setting, view.shown);
    const leak = this.find({ data, text: view.text, allow, isAscii });
    if (leak !== undefined) throw new SafeViewLeakError(formatPointer(leak.shownPointer));
  }

  /** Returns the first leaf of a payload that its safe view repeats; `undefined` if there is none. */
  find(query: LeakQuery): LeakCandidate | undefined {
    let found: LeakCandidate | undefined;
    this.search(query, (leak) => {
      found = leak;
      return true;
    });
    return found;
  }

  /** Calls `isLast` with each leaf that the safe view repeats, until it returns `true`. */
  search(
    { data, text, allow = [], isAscii = false }: LeakQuery,
    isLast: (leak: LeakCandidate) => boolean,
  ): void {
    const index = this.#indexOf(text);
    const quick = { index, isAscii, knownNames: this.#knownNames, valuesLeft: MAX_VALUES };
    if (isClean(data, quick)) return;
    let exemption: FieldNameExemption | undefined;
    const confirm = (candidate: LeakCandidate): boolean => {
      if (isAllowed(candidate, allow)) return false;
      exemption ??= new FieldNameExemption(text, data);
      return !exemption.covers(candidate.leaf) && isLast(candidate);
    };
    new LeafSearch({ index, isAscii, confirm }).in(data);
  }

  /** Returns the places that the guard, the seal and the summarizer allow together. */
  #allowedBy(setting: LeakGuardOptions | undefined, shown: readonly string[]) {
    if (setting === undefined && shown.length === 0) return this.#allow;
    const more = [...(setting?.allow ?? []), ...shown].map(parsePointer);
    return [...(this.#allow ?? []), ...more];
  }

  #indexOf(text: string): ViewIndex {
    if (this.#index === undefined || this.#text !== text) {
      this.#index = new ViewIndex(text);
      this.#text = text;
    }
    return this.#index;
  }
}

/** Returns whether a pointer allows the candidate. Pointers allow values, never member names. */
function isAllowed(candidate: LeakCandidate, allow: readonly PointerPattern[]): boolean {
  if (allow.length === 0 || candidate.isName) return false;
  const { pointer } = candidate;
  return allow.some((pattern) => matchesPointer(pattern, pointer));
}

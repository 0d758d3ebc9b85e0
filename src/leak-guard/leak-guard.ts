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

/** What is to be sealed. */
export interface SealCheck {
  readonly data: unknown;
  readonly view: ResolvedSafeView;
  /** What this seal says; it adds to what the guard allows in general. */
  readonly setting?: LeakGuardSetting | undefined;
  /** Whether every text in `data` is known to hold nothing but ASCII. */
  readonly isAscii: boolean;
}

/** What one search goes by. */
export interface LeakQuery {
  readonly data: unknown;
  /** The safe view. */
  readonly text: string;
  /** Places whose values may be in it. */
  readonly allow?: readonly PointerPattern[] | undefined;
  /** Whether every text in `data` is known to hold nothing but ASCII. */
  readonly isAscii?: boolean;
}

/** Finds leaves of payloads in safe views. Remembers the last safe view, for the next payload. */
export class LeakGuard {
  /** What is allowed in general; `undefined` for a guard that is off. */
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
   * @throws {@link SafeViewLeakError} It does; `path` says where the leaf is.
   */
  check({ data, view, setting, isAscii }: SealCheck): void {
    if (setting === "off" || (setting ?? this.#allow) === undefined) return;
    const allow = this.#allowedBy(setting, view.shown);
    const leak = this.find({ data, text: view.text, allow, isAscii });
    if (leak !== undefined) throw new SafeViewLeakError(formatPointer(leak.shownPointer));
  }

  /** Returns the first leaf of a payload that its safe view repeats. */
  find(query: LeakQuery): LeakCandidate | undefined {
    let found: LeakCandidate | undefined;
    this.search(query, (leak) => {
      found = leak;
      return true;
    });
    return found;
  }

  /** Gives every leaf of a payload that its safe view repeats, until one is the last that is wanted. */
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

  /** What is allowed in general, by the seal, and by whoever wrote the safe view. */
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

/** A pointer names a member, and allows its value; its name is another leaf. */
function isAllowed(candidate: LeakCandidate, allow: readonly PointerPattern[]): boolean {
  if (allow.length === 0 || candidate.isName) return false;
  const { pointer } = candidate;
  return allow.some((pattern) => matchesPointer(pattern, pointer));
}

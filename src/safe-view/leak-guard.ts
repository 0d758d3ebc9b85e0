import {
  formatPointer,
  matchesPointer,
  type PointerPattern,
  parsePointer,
} from "../primitives/json-pointer.js";
import { SafeViewLeakError } from "../vault/errors.js";
import type { LeakGuardOptions, LeakGuardSetting, WrittenView } from "../vault/safe-view.js";
import { fieldNamesOf } from "./field-names.js";
import { LeafSearch, MAX_VALUES, type Suspect } from "./leaf-search.js";
import { isClean } from "./quick-search.js";
import { ViewIndex } from "./view-index.js";

/** What is to be sealed. */
export interface SealCheck {
  readonly data: unknown;
  readonly view: WrittenView;
  /** What this seal says; it adds to what the guard allows in general. */
  readonly setting?: LeakGuardSetting | undefined;
  /** Whether every text in `data` is known to hold nothing but ASCII. */
  readonly isAscii: boolean;
}

/** What one search goes by. */
export interface LeakQuestion {
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
  find({ data, text, allow = [], isAscii = false }: LeakQuestion): Suspect | undefined {
    const index = this.#indexOf(text);
    const quick = { index, isAscii, knownNames: this.#knownNames, valuesLeft: MAX_VALUES };
    if (isClean(data, quick)) return undefined;
    let found: Suspect | undefined;
    let nameless: ViewIndex | undefined;
    const confirm = (suspect: Suspect): boolean => {
      if (allow.some((pattern) => matchesPointer(pattern, suspect.pointer))) return false;
      nameless ??= new ViewIndex(withoutWords(text, fieldNamesOf(data)));
      if (!new LeafSearch(searchOptions(nameless)).in(suspect.leaf)) return false;
      found = suspect;
      return true;
    };
    new LeafSearch({ index, isAscii, confirm }).in(data);
    return found;
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

const searchOptions = (index: ViewIndex) => ({
  index,
  isAscii: false,
  confirm: () => true,
});

/** A view may name the payload's fields, and a value that equals one of them tells nothing more. */
function withoutWords(text: string, words: ReadonlySet<string>): string {
  return text.replace(/[\p{L}\p{M}\p{N}\p{Cf}_$]+/gu, (word) => (words.has(word) ? "\0" : word));
}

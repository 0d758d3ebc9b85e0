/**
 * What anybody may know of a payload, and who writes it.
 *
 * @module
 */
import type { MaybePromise } from "./contracts.js";

/** What a {@link SafeView} is made of. Nothing but the summary is checked, stored and shown. */
export interface SafeViewFields {
  /** The text that is stored and shown; at most 4 KiB of UTF-8. */
  readonly summary: string;
  /** The kind of payload, such as `"object"`, `"table"`, `"text"` or `"bytes"`. */
  readonly dataType?: string | undefined;
  /** How many rows a table has. */
  readonly rowCount?: number | undefined;
  /** The fields that are shown, and the kind of value each has; empty where the kind is not told. */
  readonly schema?: Readonly<Record<string, string>> | undefined;
  /**
   * The places whose values the summary shows on purpose: JSON pointers (RFC 6901), in which `*` stands
   * for any one member. The leak guard lets them pass.
   */
  readonly shown?: readonly string[] | undefined;
}

/** A payload's safe view. Frozen; its text is its summary. */
export class SafeView implements SafeViewFields {
  readonly summary: string;
  readonly dataType: string | undefined;
  readonly rowCount: number | undefined;
  readonly schema: Readonly<Record<string, string>> | undefined;
  readonly shown: readonly string[];

  constructor(fields: SafeViewFields) {
    this.summary = fields.summary;
    this.dataType = fields.dataType;
    this.rowCount = fields.rowCount;
    this.schema = fields.schema && Object.freeze({ ...fields.schema });
    this.shown = Object.freeze([...(fields.shown ?? [])]);
    Object.freeze(this);
  }

  toString(): string {
    return this.summary;
  }
}

/** For whom a summary is written. */
export interface SummaryContext {
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
}

/** Writes safe views. `handlevault/safe-view` has some; the leak guard checks what others write. */
export interface Summarizer {
  /**
   * Returns what anybody may know of a payload.
   *
   * @param data - The payload; it must not be changed.
   */
  summarize(data: unknown, context: SummaryContext): MaybePromise<SafeView | string>;
}

/** What the leak guard lets pass. */
export interface LeakGuardOptions {
  /** Places whose values a safe view may show: JSON pointers in which `*` stands for any one member. */
  readonly allow: readonly string[];
}

/** How the leak guard checks a safe view; `"off"` for not at all. */
export type LeakGuardSetting = LeakGuardOptions | "off";

/**
 * Safe views, which are the public descriptions of payloads, and the contract of summarizers.
 *
 * @module
 */
import type { MaybePromise } from "./contracts.js";

/** The fields of a {@link SafeView}. Only the summary is checked, stored and shown. */
export interface SafeViewFields {
  /** The text that is stored and shown; at most 4 KiB of UTF-8. */
  readonly summary: string;
  /** The kind of payload, such as `"object"`, `"table"`, `"text"` or `"bytes"`. */
  readonly dataType?: string | undefined;
  /** How many rows a table has. */
  readonly rowCount?: number | undefined;
  /** The fields that the summary shows, each with its kind of value; an empty text if it hides the kind. */
  readonly schema?: Readonly<Record<string, string>> | undefined;
  /**
   * The places whose values the summary shows intentionally: JSON pointers (RFC 6901), in which `*` matches
   * any one member. The leak guard accepts them.
   */
  readonly shown?: readonly string[] | undefined;
}

/** A payload's safe view. Frozen; `toString` returns the summary. */
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

/** The principals of the handle that a summary is written for. */
export interface SummaryContext {
  readonly ownerPrincipal: string;
  readonly grantedPrincipals: readonly string[];
}

/** Writes safe views. `handlevault/safe-view` has several. The leak guard checks every result. */
export interface Summarizer {
  /**
   * Returns the public description of a payload.
   *
   * @param data - The payload; it must not be changed.
   */
  summarize(data: unknown, context: SummaryContext): MaybePromise<SafeView | string>;
}

/** The places that the leak guard accepts. */
export interface LeakGuardOptions {
  /** Places whose values a safe view may show: JSON pointers in which `*` matches any one member. */
  readonly allow: readonly string[];
}

/** The setting of the leak guard; `"off"` disables the check. */
export type LeakGuardSetting = LeakGuardOptions | "off";

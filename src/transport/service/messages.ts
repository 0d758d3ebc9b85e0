/** The types of parameters and results that operations share. A member that is null counts as absent. */
import type { LeakGuardSetting } from "../../vault/safe-view.js";

/** The maximum number of items in a batch: of a `seal_many`, an `unseal_many`, or requests in JSON-RPC. */
export const MAX_BATCH = 1000;

/** Once the responses to one batch reach this size, in bytes or characters, the other items are refused. */
export const MAX_BATCH_ANSWERS: number = 16 * 1024 * 1024;

/** Parameters of `seal`, and one item of `seal_many`. */
export interface SealParams {
  /** The payload: bytes, text or JSON data. */
  readonly data: unknown;
  /** The caller's own principal when absent. */
  readonly owner_principal?: string | null | undefined;
  readonly safe_view: string;
  readonly ttl_seconds?: number | null | undefined;
  readonly granted_principals?: readonly string[] | null | undefined;
  readonly max_uses?: number | null | undefined;
  readonly leak_guard?: LeakGuardSetting | null | undefined;
}

/** Parameters of `unseal`, `describe` and `invalidate`, and one item of `unseal_many`. */
export interface RequestParams {
  readonly id: string;
  /** The caller's own principal when absent. */
  readonly requesting_principal?: string | null | undefined;
}

/** Parameters of every change by the owner. */
export interface ChangeParams {
  readonly id: string;
  /** The caller's own principal when absent. */
  readonly by?: string | null | undefined;
}

/** Parameters of `grant` and `revoke`. */
export interface GrantParams extends ChangeParams {
  readonly principal: string;
}

/** Parameters of `renew`. */
export interface RenewParams extends ChangeParams {
  readonly ttl_seconds: number;
}

/** An unsealed payload. */
export interface Payload {
  readonly data: unknown;
}

/** The outcome of one item of a batch. */
export type WireOutcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: WireOutcomeError };

/** The reason why an item of a batch failed. */
interface WireOutcomeError {
  readonly code: string;
  readonly message: string;
  /** For example, which argument broke which rule. */
  readonly details?: unknown;
}

/** The outcomes of all items of a batch, in order. */
export interface WireOutcomes<Value> {
  readonly outcomes: readonly WireOutcome<Value>[];
}

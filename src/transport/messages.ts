import type { WireDescription, WireHandle } from "../vault/handle.js";
import type { LeakGuardSetting } from "../vault/safe-view.js";

/** One item of `seal_many`, and what `seal` is given. A member that is null counts as absent. */
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

/** One item of `unseal_many`, and what `unseal`, `describe` and `invalidate` are given. */
export interface RequestParams {
  readonly id: string;
  /** The caller's own principal when absent. */
  readonly requesting_principal?: string | null | undefined;
}

/** What `grant` and `revoke` are given. */
interface GrantParams {
  readonly id: string;
  readonly principal: string;
  /** The caller's own principal when absent. */
  readonly by?: string | null | undefined;
}

/** What `renew` is given. */
interface RenewParams {
  readonly id: string;
  readonly ttl_seconds: number;
  /** The caller's own principal when absent. */
  readonly by?: string | null | undefined;
}

/** A payload that was unsealed. */
export interface Payload {
  readonly data: unknown;
}

/** What became of one item of many. */
export type WireOutcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

/** What became of many items, in their order. */
export interface WireOutcomes<Value> {
  readonly outcomes: readonly WireOutcome<Value>[];
}

/** What every operation is given, and what it gives. */
interface Messages {
  readonly seal: readonly [SealParams, WireHandle];
  readonly unseal: readonly [RequestParams, Payload];
  readonly get_safe_view: readonly [{ readonly id: string }, { readonly safe_view: string }];
  readonly describe: readonly [RequestParams, WireDescription];
  readonly invalidate: readonly [RequestParams, { readonly ok: true }];
  readonly grant: readonly [GrantParams, WireHandle];
  readonly revoke: readonly [GrantParams, WireHandle];
  readonly renew: readonly [RenewParams, WireHandle];
  readonly seal_many: readonly [
    { readonly requests: readonly SealParams[] },
    WireOutcomes<WireHandle>,
  ];
  readonly unseal_many: readonly [
    { readonly requests: readonly RequestParams[] },
    WireOutcomes<Payload>,
  ];
  readonly health: readonly [object, { readonly status: "ok" }];
}

/** The operations of a vault's service. */
export type OperationName = keyof Messages;

/** The parameters of an operation. */
export type ParamsOf<Name extends OperationName> = Messages[Name][0];

/** The result of an operation. */
export type ResultOf<Name extends OperationName> = Messages[Name][1];

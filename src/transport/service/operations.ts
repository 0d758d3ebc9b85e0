/**
 * The operations of a vault's service: the one table that defines the service, its clients, the wires, their
 * help and the OpenAPI description.
 *
 * Parameters and results have `data` as a native value; each wire has its own encoding of it.
 *
 * @module
 */
import { readCallOptions } from "../../vault/call-options.js";
import { checkBy, checkHandleAnd, checkTtlSeconds } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import {
  type HandleReference,
  handleIdOf,
  type WireDescription,
  type WireHandle,
} from "../../vault/handle.js";
import type { CallOptions, ChangeOptions, Vault } from "../../vault/vault.js";
import { actingPrincipal, type KnownCaller, requiredPrincipal } from "./delegation.js";
import type {
  ChangeParams,
  GrantParams,
  Payload,
  RenewParams,
  RequestParams,
  SealParams,
  WireOutcomes,
} from "./messages.js";
import { sealParams } from "./method-params.js";
import { descriptionOf, handleOf, payloadOf } from "./method-results.js";
import type { OperationSchemas, SchemaParts } from "./schemas.js";

/** The HTTP route of an operation. */
interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `:id` in place of the handle's id. */
  readonly path: string;
  /** The status of a success. */
  readonly status: 200 | 201;
}

/** The place of payloads in a message: in `data`, or in the `data` of each item of a list. */
type PayloadPlace = "message" | "requests" | "outcomes";

/** A method of {@link Vault} that a client performs with one operation. */
export interface RemoteMethod<Params, Result> {
  readonly name: string;
  /** The position of the argument that may have the limits of the call. */
  readonly optionsAt: number;
  /** Returns the parameters for the arguments of the method. @throws TypeError RangeError */
  params(...args: readonly unknown[]): MaybePromise<Params>;
  /** Returns the method's return value. @throws TypeError The result belongs to another request. */
  value(result: Result, params: Params): unknown;
  /**
   * Whether a text that is not a handle id means success, because nothing is stored under it. Default: not
   * found.
   */
  readonly acceptsMalformedId?: true;
}

/** The vault of a service, with the actions to which a service adds rules. */
export interface VaultActions {
  readonly vault: Vault;
  seal(params: SealParams, caller: KnownCaller): Promise<WireHandle>;
  unseal(params: RequestParams, caller: KnownCaller): Promise<Payload>;
  sealMany(requests: readonly unknown[], caller: KnownCaller): Promise<WireOutcomes<WireHandle>>;
  unsealMany(requests: readonly unknown[], caller: KnownCaller): Promise<WireOutcomes<Payload>>;
}

/** The complete definition of one operation. */
export interface Operation<Params extends object = object, Result extends object = object> {
  /** One sentence, for help and descriptions. */
  readonly summary: string;
  /**
   * The names of the parameters in order, for wires with positions. Those that the original lacks come last.
   */
  readonly positions: readonly string[];
  readonly route: Route;
  /**
   * Operations that only read may be sent again if no response came. Opening a handle may count as a use of
   * it.
   */
  readonly effect: "reads" | "writes";
  /** Who may call it without a credential. Default: no one. */
  readonly openTo?: "everyone" | "everyone if safe views are public";
  readonly payload?: PayloadPlace;
  /** The only member of the result, which XML-RPC sends without an object around it. */
  readonly loneMember?: string;
  /** @internal */
  schemas(parts: SchemaParts): OperationSchemas<Params, Result>;
  serve(served: VaultActions, params: Params, caller: KnownCaller): Promise<Result>;
  readonly remote?: RemoteMethod<Params, Result>;
}

/** Parameters and results of all operations. */
export interface Operations {
  readonly seal: Operation<SealParams, WireHandle>;
  readonly unseal: Operation<RequestParams, Payload>;
  readonly get_safe_view: Operation<{ readonly id: string }, { readonly safe_view: string }>;
  readonly describe: Operation<RequestParams, WireDescription>;
  readonly invalidate: Operation<RequestParams, { readonly ok: true }>;
  readonly grant: Operation<GrantParams, WireHandle>;
  readonly revoke: Operation<GrantParams, WireHandle>;
  readonly renew: Operation<RenewParams, WireHandle>;
  readonly seal_many: Operation<
    { readonly requests: readonly unknown[] },
    WireOutcomes<WireHandle>
  >;
  readonly unseal_many: Operation<{ readonly requests: readonly unknown[] }, WireOutcomes<Payload>>;
  readonly health: Operation<object, { readonly status: "ok" }>;
}

/** The operations of a vault's service. */
export type OperationName = keyof Operations;

/** The parameters of an operation. */
export type ParamsOf<Name extends OperationName> =
  Operations[Name] extends Operation<infer Params, infer _> ? Params : never;

/** The result of an operation. */
export type ResultOf<Name extends OperationName> =
  Operations[Name] extends Operation<infer _, infer Result> ? Result : never;

/** The table of all operations. */
export const OPERATIONS: Operations = {
  seal: {
    summary: "Seals a payload and returns the handle that stands for it.",
    positions: [
      ...["data", "owner_principal", "safe_view", "ttl_seconds", "granted_principals"],
      ...["max_uses", "leak_guard"],
    ],
    route: { method: "POST", path: "/handles", status: 201 },
    effect: "writes",
    payload: "message",
    schemas: ({ sealParams: params, handle: result }) => ({ params, result }),
    serve: (served, params, caller) => served.seal(params, caller),
    remote: remote("seal", 1, sealParams, handleOf),
  },
  unseal: {
    summary: "Returns the payload behind a handle to its owner or a granted principal.",
    positions: ["id", "requesting_principal"],
    route: { method: "POST", path: "/handles/:id/unseal", status: 200 },
    effect: "writes",
    payload: "message",
    loneMember: "data",
    schemas: ({ requestParams: params, payload: result }) => ({ params, result }),
    serve: (served, params, caller) => served.unseal(params, caller),
    remote: remote("unseal", 2, requestBy, payloadOf),
  },
  get_safe_view: {
    summary: "Returns a handle's safe view.",
    positions: ["id"],
    route: { method: "GET", path: "/handles/:id/safe_view", status: 200 },
    effect: "reads",
    openTo: "everyone if safe views are public",
    loneMember: "safe_view",
    schemas: ({ z, id }) => ({
      params: z.strictObject({ id }),
      result: z.object({ safe_view: z.string() }),
    }),
    serve: async ({ vault }, { id }) => ({ safe_view: await vault.getSafeView(id) }),
    remote: remote("getSafeView", 1, idOf, ({ safe_view: safeView }) => safeView),
  },
  describe: {
    summary: "Returns owner, grants, times and uses left to the owner and to grantees.",
    positions: ["id", "requesting_principal"],
    route: { method: "GET", path: "/handles/:id", status: 200 },
    effect: "reads",
    schemas: ({ requestParams: params, description: result }) => ({ params, result }),
    serve: async ({ vault }, { id, requesting_principal: named }, caller) => {
      const principal = requiredPrincipal(caller, "requesting_principal", named);
      return (await vault.describe(id, principal)).toJSON();
    },
    remote: remote("describe", 2, requestBy, descriptionOf),
  },
  invalidate: {
    summary: "Deletes a handle's record; an unknown handle is no error.",
    positions: ["id", "requesting_principal"],
    route: { method: "DELETE", path: "/handles/:id", status: 200 },
    effect: "writes",
    loneMember: "ok",
    schemas: ({ z, requestParams: params }) => ({
      params,
      result: z.object({ ok: z.literal(true) }),
    }),
    serve: async ({ vault }, { id, requesting_principal: named }, caller) => {
      await vault.invalidate(id, actingPrincipal(caller, named));
      return { ok: true };
    },
    remote: {
      ...remote(
        "invalidate",
        2,
        (handle, principal, options) =>
          principal === undefined ? idOf(handle, options) : requestBy(handle, principal, options),
        () => undefined,
      ),
      acceptsMalformedId: true,
    },
  },
  grant: {
    summary: "Lets one more principal unseal; the owner alone may.",
    positions: ["id", "principal", "by"],
    route: { method: "POST", path: "/handles/:id/grants", status: 200 },
    effect: "writes",
    schemas: ({ grantParams: params, handle: result }) => ({ params, result }),
    serve: async ({ vault }, { id, principal, by }, caller) =>
      (await vault.grant(id, principal, changeBy(caller, by))).toJSON(),
    remote: remote("grant", 2, grantParams, handleOf),
  },
  revoke: {
    summary: "Takes a grant back; the owner alone may.",
    positions: ["id", "principal", "by"],
    route: { method: "POST", path: "/handles/:id/revoke", status: 200 },
    effect: "writes",
    schemas: ({ grantParams: params, handle: result }) => ({ params, result }),
    serve: async ({ vault }, { id, principal, by }, caller) =>
      (await vault.revoke(id, principal, changeBy(caller, by))).toJSON(),
    remote: remote("revoke", 2, grantParams, handleOf),
  },
  renew: {
    summary: "Lets a handle live for some seconds from now on; the owner alone may.",
    positions: ["id", "ttl_seconds", "by"],
    route: { method: "POST", path: "/handles/:id/renew", status: 200 },
    effect: "writes",
    schemas: ({ z, id, ttlSeconds, principal, handle: result }) => ({
      params: z.strictObject({ id, ttl_seconds: ttlSeconds, by: principal.nullish() }),
      result,
    }),
    serve: async ({ vault }, { id, ttl_seconds: ttlSeconds, by }, caller) =>
      (await vault.renew(id, ttlSeconds, changeBy(caller, by))).toJSON(),
    remote: remote(
      "renew",
      2,
      (handle, ttlSeconds, options) => {
        const params = idOf(handle);
        checkTtlSeconds(ttlSeconds, "ttlSeconds");
        return { ...params, ttl_seconds: ttlSeconds, by: checkBy(options) };
      },
      handleOf,
    ),
  },
  seal_many: {
    summary: "Seals many payloads: one outcome for each, in their order.",
    positions: ["requests"],
    route: { method: "POST", path: "/batch/seal", status: 200 },
    effect: "writes",
    payload: "requests",
    loneMember: "outcomes",
    schemas: ({ batch: params, outcomesOf, handle }) => ({ params, result: outcomesOf(handle) }),
    serve: (served, { requests }, caller) => served.sealMany(requests, caller),
  },
  unseal_many: {
    summary: "Unseals many handles: one outcome for each, in their order.",
    positions: ["requests"],
    route: { method: "POST", path: "/batch/unseal", status: 200 },
    effect: "writes",
    payload: "outcomes",
    loneMember: "outcomes",
    schemas: ({ batch: params, outcomesOf, payload }) => ({ params, result: outcomesOf(payload) }),
    serve: (served, { requests }, caller) => served.unsealMany(requests, caller),
  },
  health: {
    summary: "Returns that the service runs.",
    positions: [],
    route: { method: "GET", path: "/health", status: 200 },
    effect: "reads",
    openTo: "everyone",
    schemas: ({ z }) => ({
      params: z.strictObject({}),
      result: z.object({ status: z.literal("ok") }),
    }),
    serve: async () => ({ status: "ok" }),
  },
};

/** The names of all operations. */
export const OPERATION_NAMES: readonly OperationName[] = Object.keys(OPERATIONS) as OperationName[];

/** Returns whether an operation with this name exists. */
export function isOperationName(name: unknown): name is OperationName {
  return typeof name === "string" && Object.hasOwn(OPERATIONS, name);
}

/** Returns whether a caller without a credential may call an operation. */
export function isOpen(name: OperationName, publicSafeViews: boolean): boolean {
  const { openTo } = OPERATIONS[name];
  return openTo === "everyone" || (openTo !== undefined && publicSafeViews);
}

type MethodName = Exclude<keyof Vault, symbol>;

/** Defines how a client performs a method of {@link Vault}, with the types of that method. */
function remote<Name extends MethodName, Params, Result>(
  name: Name,
  optionsAt: number,
  params: (...args: Parameters<Vault[Name]>) => MaybePromise<Params>,
  value: (result: Result, params: Params) => Awaited<ReturnType<Vault[Name]>>,
): RemoteMethod<Params, Result> {
  return { name, optionsAt, params, value };
}

function idOf(handle: HandleReference, options: CallOptions = {}): { readonly id: string } {
  readCallOptions(options);
  return { id: handleIdOf(handle) };
}

function requestBy(
  handle: HandleReference,
  requestingPrincipal: string,
  options: CallOptions = {},
): RequestParams {
  readCallOptions(options);
  const id = checkHandleAnd(requestingPrincipal, handle);
  return { id, requesting_principal: requestingPrincipal };
}

function grantParams(
  handle: HandleReference,
  principal: string,
  options: ChangeOptions,
): GrantParams {
  const id = checkHandleAnd(principal, handle, "principal");
  return { id, principal, by: checkBy(options) };
}

function changeBy(caller: KnownCaller, named: ChangeParams["by"]): ChangeOptions {
  return { by: requiredPrincipal(caller, "by", named) };
}

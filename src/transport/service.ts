/**
 * A vault as a service, whatever wire it is behind: checks what is asked, decides whom the caller may
 * act for, and asks the vault.
 *
 * @module
 */
import { LOCAL_CALLER } from "../auth/authenticator.js";
import { checkBoolean, checkGrants, checkMethods, checkOptions } from "../vault/checks.js";
import {
  PrincipalForbiddenError,
  RequestTooLargeError,
  UnauthenticatedError,
} from "../vault/errors.js";
import type { WireHandle } from "../vault/handle.js";
import { mapSettled } from "../vault/map-settled.js";
import type { ChangeOptions, Outcome, Vault } from "../vault/vault.js";
import { actingPrincipal, type KnownCaller, requiredPrincipal } from "./acting.js";
import { ErrorReports } from "./error-reports.js";
import { toWireError } from "./error-table.js";
import { isLarge, othersTurn } from "./large.js";
import { schemas } from "./loaded-schemas.js";
import type {
  OperationName,
  ParamsOf,
  Payload,
  RequestParams,
  ResultOf,
  SealParams,
  WireOutcome,
  WireOutcomes,
} from "./messages.js";
import { isOperationName, MAX_BATCH_ANSWERS } from "./operations.js";
import { checkParams } from "./params.js";
import { checkPayload, sizeOf } from "./payload.js";

const OPTIONS: ReadonlySet<string> = new Set(["publicSafeViews", "gatewayPrincipals", "reports"]);
const VAULT_METHODS = [
  "seal",
  "unseal",
  "getSafeView",
  "describe",
  "invalidate",
  "grant",
  "revoke",
  "renew",
] as const;

/** Who asks for what anybody may have: not a principal that any vault knows. */
const NOBODY: KnownCaller = { principal: "" };

/** Who may ask a service for what. */
export interface VaultServiceOptions {
  /** Whether safe views are given to callers who show no credential. Default: they are not. */
  readonly publicSafeViews?: boolean | undefined;
  /**
   * The principals that payloads are handed to at all, provided that they are owner or granted as
   * well; an empty list names nobody. Default: no such limit.
   */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /** Where errors of the items of a batch go that are the service's own. Default: warnings. */
  readonly reports?: ErrorReports | undefined;
}

/** What a service does for a caller, for every operation. */
type Handlers = {
  readonly [Name in OperationName]: (
    params: ParamsOf<Name>,
    caller: KnownCaller,
  ) => Promise<ResultOf<Name>>;
};

/**
 * Answers the operations of `messages.ts` from a vault.
 *
 * @example
 * ```ts
 * const service = new VaultService(vault, { gatewayPrincipals: ["spiffe://example.org/gateway"] });
 * await service.call("unseal", { id }, { principal: "spiffe://example.org/gateway" }); // { data: … }
 * ```
 */
export class VaultService {
  readonly #vault: Vault;
  readonly #publicSafeViews: boolean;
  readonly #gateways: ReadonlySet<string> | undefined;
  readonly #reports: ErrorReports;

  /** @throws TypeError An option is unknown or of the wrong type. */
  constructor(vault: Vault, options: VaultServiceOptions = {}) {
    checkMethods(vault, "vault", VAULT_METHODS);
    checkOptions(options, "service options", OPTIONS);
    const { publicSafeViews = false, gatewayPrincipals, reports = new ErrorReports() } = options;
    checkBoolean(publicSafeViews, "publicSafeViews");
    this.#vault = vault;
    this.#publicSafeViews = publicSafeViews;
    this.#reports = reports;
    this.#gateways =
      gatewayPrincipals === undefined
        ? undefined
        : new Set(checkGrants(gatewayPrincipals, "gatewayPrincipals"));
  }

  /**
   * Does what a request asks for and returns its result.
   *
   * @param caller - Who sent the request; `undefined` if it does not show it.
   * @throws {@link UnauthenticatedError} The operation needs a caller.
   * @throws {@link PrincipalForbiddenError} The caller may not act for the principal named, or the
   *   principal is not one that payloads are handed to.
   * @throws TypeError RangeError The operation or its parameters make no sense.
   * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
   */
  async call(operation: string, params: unknown, caller: KnownCaller | undefined): Promise<object> {
    if (!isOperationName(operation)) throw new TypeError("operation must be one of the service's");
    if (!this.#admits(operation, caller)) throw new UnauthenticatedError();
    await schemas.ready();
    return this.#run(operation, params ?? {}, caller ?? NOBODY);
  }

  #admits(operation: OperationName, caller: KnownCaller | undefined): boolean {
    if (operation === "health") return true;
    if (operation === "get_safe_view" && this.#publicSafeViews) return true;
    if (caller === LOCAL_CALLER) return true;
    return typeof caller?.principal === "string" && caller.principal !== "";
  }

  #run<Name extends OperationName>(
    operation: Name,
    params: unknown,
    caller: KnownCaller,
  ): Promise<ResultOf<Name>> {
    const handler = this.#handlers[operation] as Handlers[Name];
    const isBatch = operation === "seal_many" || operation === "unseal_many";
    const { batch, operations } = schemas.get();
    const checked = checkParams<unknown>(isBatch ? batch : operations[operation].params, params);
    return handler(checked as ParamsOf<Name>, caller);
  }

  readonly #handlers: Handlers = {
    seal: (params, caller) => this.#seal(params, caller),
    unseal: (params, caller) => this.#unseal(params, caller),
    get_safe_view: async ({ id }) => ({ safe_view: await this.#vault.getSafeView(id) }),
    describe: async ({ id, requesting_principal: named }, caller) => {
      const principal = requiredPrincipal(caller, "requesting_principal", named);
      return (await this.#vault.describe(id, principal)).toJSON();
    },
    invalidate: async ({ id, requesting_principal: named }, caller) => {
      await this.#vault.invalidate(id, actingPrincipal(caller, named));
      return { ok: true };
    },
    grant: async ({ id, principal, by }, caller) => {
      const changed = await this.#vault.grant(id, principal, changeBy(caller, by));
      return changed.toJSON();
    },
    revoke: async ({ id, principal, by }, caller) => {
      const changed = await this.#vault.revoke(id, principal, changeBy(caller, by));
      return changed.toJSON();
    },
    renew: async ({ id, ttl_seconds: ttlSeconds, by }, caller) => {
      const changed = await this.#vault.renew(id, ttlSeconds, changeBy(caller, by));
      return changed.toJSON();
    },
    seal_many: async ({ requests }, caller) => {
      const settled = await mapSettled(requests, async (request) =>
        this.#seal(checkParams(schemas.get().operations.seal.params, request), caller),
      );
      return { outcomes: settled.map((outcome) => this.#toWireOutcome(outcome)) };
    },
    unseal_many: ({ requests }, caller) => this.#unsealMany(requests, caller),
    health: async () => ({ status: "ok" }),
  };

  async #seal(params: SealParams, caller: KnownCaller): Promise<WireHandle> {
    const { data } = params;
    // The first releases of zod 4 take what may be anything for what may be absent.
    if (data === undefined) throw new TypeError("data must be given");
    const ownerPrincipal = requiredPrincipal(caller, "owner_principal", params.owner_principal);
    checkPayload(data);
    const handle = await this.#vault.seal(data, {
      ownerPrincipal,
      safeView: params.safe_view,
      ttlSeconds: params.ttl_seconds ?? undefined,
      grantedPrincipals: params.granted_principals ?? undefined,
      maxUses: params.max_uses ?? undefined,
      leakGuard: params.leak_guard ?? undefined,
    });
    return handle.toJSON();
  }

  async #unseal(params: RequestParams, caller: KnownCaller): Promise<Payload> {
    const { id, requesting_principal: named } = params;
    const principal = requiredPrincipal(caller, "requesting_principal", named);
    if (this.#gateways?.has(principal) === false) throw new PrincipalForbiddenError();
    const data = await this.#vault.unseal(id, principal);
    checkPayload(data);
    return { data };
  }

  /** One after the other, so that no more is held in memory than one payload beyond the bound. */
  async #unsealMany(
    requests: readonly RequestParams[],
    caller: KnownCaller,
  ): Promise<WireOutcomes<Payload>> {
    let left = MAX_BATCH_ANSWERS;
    let sinceTurn = 0;
    const unseal = async (request: RequestParams) => {
      if (left <= 0) throw new RequestTooLargeError();
      const { params } = schemas.get().operations.unseal;
      const payload = await this.#unseal(checkParams(params, request), caller);
      const length = sizeOf(payload.data);
      left -= length;
      sinceTurn += length;
      if (isLarge({ length: sinceTurn })) {
        sinceTurn = 0;
        await othersTurn();
      }
      return payload;
    };
    const settled = await mapSettled(requests, unseal, 1);
    return { outcomes: settled.map((outcome) => this.#toWireOutcome(outcome)) };
  }

  #toWireOutcome<Value>(outcome: Outcome<Value>): WireOutcome<Value> {
    if (outcome.ok) return outcome;
    const { code, message } = toWireError(this.#reports.noted(outcome.error));
    return { ok: false, error: { code, message } };
  }
}

function changeBy(caller: KnownCaller, named: string | null | undefined): ChangeOptions {
  return { by: requiredPrincipal(caller, "by", named) };
}

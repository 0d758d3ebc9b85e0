/** A vault with the additional rules of a service. */

import { typeFault } from "../../vault/argument-errors.js";
import { PrincipalForbiddenError, RequestTooLargeError } from "../../vault/errors.js";
import type { WireHandle } from "../../vault/handle.js";
import { mapSettled } from "../../vault/map-settled.js";
import type { Outcome, Vault } from "../../vault/vault.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { checkParams } from "./check-params.js";
import { type KnownCaller, requiredPrincipal } from "./delegation.js";
import type { ErrorReports } from "./error-reports.js";
import { toWireError } from "./error-table.js";
import { schemasOf } from "./loaded-schemas.js";
import type { Payload, RequestParams, SealParams, WireOutcome, WireOutcomes } from "./messages.js";
import { MAX_BATCH_ANSWERS } from "./messages.js";
import type { VaultActions } from "./operations.js";
import { checkPayload, sizeOf } from "./payload.js";

/** The dependencies of a {@link ServedVault}. */
export interface ServedVaultParts {
  readonly vault: Vault;
  /** The only principals that may receive payloads; absent for no such limit. */
  readonly gateways: ReadonlySet<string> | undefined;
  /** Receives the service's own errors for items of a batch. */
  readonly reports: ErrorReports;
}

/** Performs operations for callers. Each acts for its own principal, or for one that it may act for. */
export class ServedVault implements VaultActions {
  readonly vault: Vault;
  readonly #gateways: ReadonlySet<string> | undefined;
  readonly #reports: ErrorReports;

  constructor({ vault, gateways, reports }: ServedVaultParts) {
    this.vault = vault;
    this.#gateways = gateways;
    this.#reports = reports;
  }

  async seal(params: SealParams, caller: KnownCaller): Promise<WireHandle> {
    const { data } = params;
    // In the first releases of zod 4, a member of any type may also be absent.
    if (data === undefined) throw typeFault("data", "required");
    const ownerPrincipal = requiredPrincipal(caller, "owner_principal", params.owner_principal);
    checkPayload(data);
    const handle = await this.vault.seal(data, {
      ownerPrincipal,
      safeView: params.safe_view,
      ttlSeconds: params.ttl_seconds ?? undefined,
      grantedPrincipals: params.granted_principals ?? undefined,
      maxUses: params.max_uses ?? undefined,
      leakGuard: params.leak_guard ?? undefined,
    });
    return handle.toJSON();
  }

  async unseal(params: RequestParams, caller: KnownCaller): Promise<Payload> {
    const { id, requesting_principal: named } = params;
    const principal = requiredPrincipal(caller, "requesting_principal", named);
    if (this.#gateways?.has(principal) === false) throw new PrincipalForbiddenError();
    const data = await this.vault.unseal(id, principal);
    checkPayload(data);
    return { data };
  }

  async sealMany(
    requests: readonly unknown[],
    caller: KnownCaller,
  ): Promise<WireOutcomes<WireHandle>> {
    const settled = await mapSettled(requests, async (request) =>
      this.seal(checkParams(schemasOf("seal").params, request), caller),
    );
    return { outcomes: settled.map((outcome) => this.#toWireOutcome(outcome)) };
  }

  /** Unseals one after the other, so that memory holds at most one payload beyond the limit. */
  async unsealMany(
    requests: readonly unknown[],
    caller: KnownCaller,
  ): Promise<WireOutcomes<Payload>> {
    let left = MAX_BATCH_ANSWERS;
    let sinceTurn = 0;
    const unseal = async (request: unknown) => {
      if (left <= 0) throw new RequestTooLargeError();
      const payload = await this.unseal(checkParams(schemasOf("unseal").params, request), caller);
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
    const { code, message, details } = toWireError(this.#reports.noted(outcome.error));
    return { ok: false, error: { code, message, ...(details && { details }) } };
  }
}

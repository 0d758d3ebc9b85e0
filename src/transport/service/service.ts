/**
 * A vault as a service for every wire: checks parameters and permissions, and performs operations.
 *
 * @module
 */

import { LOCAL_CALLER } from "../../auth/authenticator.js";
import { typeFault } from "../../vault/argument-errors.js";
import { checkBoolean, checkGrants, checkMethods } from "../../vault/checks.js";
import { UnauthenticatedError } from "../../vault/errors.js";
import {
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../../vault/options.js";
import type { Vault } from "../../vault/vault.js";
import { checkParams } from "./check-params.js";
import type { KnownCaller } from "./delegation.js";
import { ErrorReports } from "./error-reports.js";
import { schemas, schemasOf } from "./loaded-schemas.js";
import {
  isOpen,
  isOperationName,
  OPERATION_NAMES,
  OPERATIONS,
  type Operation,
} from "./operations.js";
import { ServedVault } from "./served-vault.js";

const OPTIONS: OptionsTable<WithDefaults<VaultServiceOptions, "publicSafeViews">> = {
  publicSafeViews: optional(checkBoolean, false),
  gatewayPrincipals: (value, place) => (value === undefined ? value : checkGrants(value, place)),
  reports: (value) => value as ErrorReports | undefined,
};
const VAULT_METHODS: readonly string[] = OPERATION_NAMES.flatMap(
  (name) => OPERATIONS[name].remote?.name ?? [],
);

/** The caller of operations that need no authentication. No vault knows this principal. */
const ANONYMOUS: KnownCaller = { principal: "" };

/** The permissions of a service's callers. */
export interface VaultServiceOptions {
  /** Whether safe views need no credential. Default: they need one. */
  readonly publicSafeViews?: boolean | undefined;
  /**
   * The only principals that may receive payloads, if they are also owner or granted. With an empty list no
   * principal
   * may. Default: no such limit.
   */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /** Receives the service's own errors for items of a batch. Default: warnings. */
  readonly reports?: ErrorReports | undefined;
}

/**
 * Performs the operations of `operations.ts` on a vault.
 *
 * @example
 * ```ts
 * const service = new VaultService(vault, { gatewayPrincipals: ["spiffe://example.org/gateway"] });
 * await service.call("unseal", { id }, { principal: "spiffe://example.org/gateway" }); // { data: … }
 * ```
 */
export class VaultService {
  readonly #served: ServedVault;
  readonly #publicSafeViews: boolean;

  /** @throws TypeError An option is unknown or of the wrong type. */
  constructor(vault: Vault, options: VaultServiceOptions = {}) {
    checkMethods(vault, "vault", VAULT_METHODS);
    const settings = readOptions(options, OPTIONS, { name: "service options", prefix: "" });
    const { publicSafeViews, gatewayPrincipals, reports = new ErrorReports() } = settings;
    const gateways = gatewayPrincipals && new Set(gatewayPrincipals);
    this.#served = new ServedVault({ vault, gateways, reports });
    this.#publicSafeViews = publicSafeViews;
  }

  /**
   * Performs an operation and returns its result.
   *
   * @param caller - The sender of the request; `undefined` if it has no credential.
   * @throws {@link UnauthenticatedError} The operation needs a caller.
   * @throws PrincipalForbiddenError The caller may not act for the named principal, or the principal may not
   * receive payloads.
   * @throws TypeError RangeError The operation or its parameters are invalid.
   * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
   */
  async call(operation: string, params: unknown, caller: KnownCaller | undefined): Promise<object> {
    if (!isOperationName(operation)) throw typeFault("operation", "operation");
    if (!isOpen(operation, this.#publicSafeViews) && !isKnown(caller)) {
      throw new UnauthenticatedError();
    }
    await schemas.ready();
    const checked = checkParams<object>(schemasOf(operation).params, params ?? {});
    const { serve }: Operation = OPERATIONS[operation];
    return serve(this.#served, checked, caller ?? ANONYMOUS);
  }
}

function isKnown(caller: KnownCaller | undefined): caller is KnownCaller {
  if (caller === LOCAL_CALLER) return true;
  return typeof caller?.principal === "string" && caller.principal !== "";
}

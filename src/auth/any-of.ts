import { checkMethods } from "../vault/checks.js";
import { isVaultError } from "../vault/errors.js";
import { type Authenticator, type Caller, type Evidence, LOCAL_CALLER } from "./authenticator.js";
import { type WatchedEvidence, watched } from "./watched-evidence.js";

/**
 * Asks several authenticators in turn: the first one that knows the caller decides.
 *
 * One that cannot tell now keeps none of the others from knowing the caller. A server may only
 * listen to this machine if any of them is local only. Put `trustLocalCallers()` last: it answers
 * every local request, so that nothing behind it is asked. A request with a credential that those
 * before it do not accept is refused, not trusted for being local.
 *
 * @throws TypeError There is none, or one is not an authenticator.
 *
 * @example
 * ```ts
 * const auth = anyOf(mtlsAuth({ trustDomain: "example.org" }), tokenAuth({ tokens }));
 * ```
 */
export function anyOf(...authenticators: readonly Authenticator[]): Authenticator {
  return new AnyOf(authenticators);
}

class AnyOf implements Authenticator {
  readonly #authenticators: readonly Authenticator[];
  readonly localOnly: boolean;

  constructor(authenticators: readonly Authenticator[]) {
    if (authenticators.length === 0) throw new TypeError("anyOf needs an authenticator");
    for (const [index, authenticator] of authenticators.entries()) {
      checkMethods(authenticator, `authenticator ${index + 1} of anyOf`, ["authenticate"]);
    }
    this.#authenticators = authenticators;
    this.localOnly = authenticators.some(({ localOnly }) => localOnly === true);
    Object.freeze(this);
  }

  /** Throws the first refusal only when no other accepts: "cannot tell now" goes before "refused". */
  async authenticate(given: Evidence): Promise<Caller | typeof LOCAL_CALLER | undefined> {
    const watch = watched(given);
    const refusals: unknown[] = [];
    for (const [index, authenticator] of this.#authenticators.entries()) {
      try {
        const caller = await authenticator.authenticate(watch.evidence);
        const isUpgrade = caller === LOCAL_CALLER && index > 0 && showsCredential(watch);
        if (caller !== undefined && !isUpgrade) return caller;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refusals.push(error);
      }
    }
    if (refusals.length > 0) throw refusals.find(isOutage) ?? refusals[0];
    return undefined;
  }

  stillCounts(caller: Caller): boolean {
    return this.#authenticators.some((one) => one.stillCounts?.(caller) === true);
  }
}

/** Whether one of the authenticators before has found a credential, or the request has a malformed one. */
function showsCredential({ evidence, hasShown }: WatchedEvidence): boolean {
  return hasShown() || evidence.hasHeader("authorization");
}

function isOutage(error: unknown): boolean {
  return isVaultError(error, "ERR_VAULT_AUTHENTICATION_UNAVAILABLE");
}

function isRefusal(error: unknown): boolean {
  return isOutage(error) || isVaultError(error, "ERR_VAULT_UNAUTHENTICATED");
}

import { checkMethods } from "../vault/checks.js";
import { isVaultError } from "../vault/errors.js";
import { type Authenticator, type Caller, type Evidence, LOCAL_CALLER } from "./authenticator.js";
import { type WatchedEvidence, watched } from "./watched-evidence.js";

/**
 * Returns an authenticator that asks several in turn. The first one that recognises the caller decides.
 *
 * An authenticator that is temporarily unavailable does not prevent the others from recognising the caller.
 * If any of them is local only, a server may listen only on this machine. Put `trustLocalCallers()` last: it
 * accepts every local request, so authenticators after it are never asked. It does not accept a request whose
 * credential the earlier authenticators refused.
 *
 * @throws TypeError The list is empty, or an entry is not an authenticator.
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

  /**
   * Throws the first error only if no authenticator accepts. "Unavailable" takes precedence over "refused".
   */
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

  isStillValid(caller: Caller): boolean {
    return this.#authenticators.some((one) => one.isStillValid?.(caller) === true);
  }
}

/** Returns whether an earlier authenticator found a credential, or the request has a malformed one. */
function showsCredential({ evidence, hasShown }: WatchedEvidence): boolean {
  return hasShown() || evidence.hasHeader("authorization");
}

function isOutage(error: unknown): boolean {
  return isVaultError(error, "ERR_VAULT_AUTHENTICATION_UNAVAILABLE");
}

function isRefusal(error: unknown): boolean {
  return isOutage(error) || isVaultError(error, "ERR_VAULT_UNAUTHENTICATED");
}

import { checkMethods } from "../vault/checks.js";
import { isVaultError } from "../vault/errors.js";
import type { Authenticator, Caller, Evidence, LOCAL_CALLER } from "./authenticator.js";

/**
 * Asks several authenticators in turn: the first one that knows the caller decides.
 *
 * One that cannot tell now keeps none of the others from knowing the caller. A server may only
 * listen to this machine if any of them is local only. Put `trustLocalCallers()` last: it answers
 * every local request, so that nothing behind it is asked.
 *
 * @throws `TypeError` There is none, or one is not an authenticator.
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

  /** Throws the first "cannot tell now" only when nobody else could: 401 would be a guess. */
  async authenticate(evidence: Evidence): Promise<Caller | typeof LOCAL_CALLER | undefined> {
    let unavailable: unknown;
    for (const authenticator of this.#authenticators) {
      try {
        const caller = await authenticator.authenticate(evidence);
        if (caller !== undefined) return caller;
      } catch (error) {
        if (!isVaultError(error, "ERR_VAULT_AUTHENTICATION_UNAVAILABLE")) throw error;
        unavailable ??= error;
      }
    }
    if (unavailable !== undefined) throw unavailable;
    return undefined;
  }

  stillCounts(caller: Caller): boolean {
    return this.#authenticators.some((one) => one.stillCounts?.(caller) === true);
  }
}

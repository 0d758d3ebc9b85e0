/** Calls an authenticator, and separates the authenticator's own faults from errors in the request. */
import type { MaybePromise } from "../vault/contracts.js";
import { isVaultError } from "../vault/errors.js";
import { adoptThenable, andThen, isPromise } from "../vault/maybe-promise.js";
import { type Authenticator, type Caller, type Evidence, LOCAL_CALLER } from "./authenticator.js";
import { principalOf } from "./principal.js";

/** A caller that an authenticator recognised. */
export type Identified = Caller | typeof LOCAL_CALLER;

/**
 * The authenticator has a fault: it threw an error that is not from this library, or returned no valid
 * caller.
 */
class AuthenticatorFailedError extends Error {
  override readonly name = "AuthenticatorFailedError" as const;
  constructor(cause: unknown) {
    super("The authenticator failed.", { cause });
  }
}

/**
 * Returns the caller that an authenticator recognises, if any; synchronously if the authenticator is
 * synchronous.
 *
 * @throws AuthenticatorFailedError The authenticator has a fault. The caller made no mistake.
 * @throws VaultError The authenticator threw this error of the library.
 */
export function identify(
  authenticator: Authenticator,
  evidence: Evidence,
): MaybePromise<Identified | undefined> {
  const found = withOwnFaults(() => authenticator.authenticate(evidence));
  return andThen(found, (caller) => checked(caller ?? undefined, evidence));
}

/**
 * Returns whether an authenticator still accepts a caller that it returned earlier.
 *
 * @throws AuthenticatorFailedError The authenticator has a fault.
 */
export function isStillValid(authenticator: Authenticator, caller: Caller): MaybePromise<boolean> {
  const result = withOwnFaults(() => authenticator.isStillValid?.(caller));
  return andThen(result, (counts) => counts === true);
}

function withOwnFaults<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = adoptThenable(ask());
    return isPromise(result) ? result.catch(throwOwnFault) : result;
  } catch (error) {
    return throwOwnFault(error);
  }
}

function throwOwnFault(error: unknown): never {
  throw isVaultError(error) ? error : new AuthenticatorFailedError(error);
}

function checked(found: Identified | undefined, evidence: Evidence): Identified | undefined {
  if (found === undefined) return undefined;
  // Only a connection from this machine can be trusted, whichever authenticator returned this.
  if (found === LOCAL_CALLER) return evidence.connection?.isLocal === true ? found : undefined;
  if (isCaller(found)) return found;
  throw new AuthenticatorFailedError(new TypeError("The authenticator returned no caller."));
}

function isCaller(found: unknown): found is Caller {
  const { principal, mayActFor } = (found ?? {}) as Partial<Record<keyof Caller, unknown>>;
  const isListed = mayActFor === undefined || isListOfText(mayActFor);
  return isListed && principalOf(principal) !== undefined;
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

/** Asks an authenticator, and keeps its own faults apart from those of requests. */
import type { MaybePromise } from "../vault/contracts.js";
import { isVaultError } from "../vault/errors.js";
import { adoptThenable, andThen, isPromise } from "../vault/maybe-promise.js";
import { type Authenticator, type Caller, type Evidence, LOCAL_CALLER } from "./authenticator.js";
import { principalOf } from "./principal.js";

/** A caller that an authenticator recognised. */
export type Identified = Caller | typeof LOCAL_CALLER;

/** An authenticator failed by itself: it threw what is no error of this library, or returned no caller. */
class AuthenticatorFailedError extends Error {
  override readonly name = "AuthenticatorFailedError" as const;
  constructor(cause: unknown) {
    super("The authenticator failed.", { cause });
  }
}

/**
 * Returns the caller that an authenticator recognises, if it recognises one: at once if it answers at once.
 *
 * @throws AuthenticatorFailedError It failed by itself, which is not the caller's mistake.
 * @throws VaultError Whatever error of this library it throws.
 */
export function identify(
  authenticator: Authenticator,
  evidence: Evidence,
): MaybePromise<Identified | undefined> {
  const found = withOwnFaults(() => authenticator.authenticate(evidence));
  return andThen(found, (caller) => checked(caller ?? undefined, evidence));
}

/**
 * Tells whether an authenticator still counts on a caller that it returned before.
 *
 * @throws AuthenticatorFailedError It failed by itself.
 */
export function stillCounts(authenticator: Authenticator, caller: Caller): MaybePromise<boolean> {
  const answer = withOwnFaults(() => authenticator.stillCounts?.(caller));
  return andThen(answer, (counts) => counts === true);
}

function withOwnFaults<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const answer = adoptThenable(ask());
    return isPromise(answer) ? answer.catch(throwOwnFault) : answer;
  } catch (error) {
    return throwOwnFault(error);
  }
}

function throwOwnFault(error: unknown): never {
  throw isVaultError(error) ? error : new AuthenticatorFailedError(error);
}

function checked(found: Identified | undefined, evidence: Evidence): Identified | undefined {
  if (found === undefined) return undefined;
  // Only a connection from this machine can be trusted, whichever authenticator says so.
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

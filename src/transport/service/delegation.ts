/**
 * Decides which principal a caller acts for. The principal of every operation comes from the credential. A
 * request may name another one only if the credential allows it.
 *
 * @module
 */

import { type Caller, LOCAL_CALLER } from "../../auth/authenticator.js";
import { mayActAs } from "../../auth/may-act-for.js";
import { typeFault } from "../../vault/argument-errors.js";
import { PrincipalForbiddenError } from "../../vault/errors.js";

/** The caller of a request: identified by a credential, or a trusted local process. */
export type KnownCaller = Caller | typeof LOCAL_CALLER;

/**
 * Returns the principal that an operation is performed for.
 *
 * @param named - The principal that the request names, if any.
 * @returns The named principal, else the caller's own; `undefined` if a trusted local process names none.
 * @throws {@link PrincipalForbiddenError} The caller is not the named principal and may not act for it.
 */
export function actingPrincipal(
  caller: KnownCaller,
  named: string | null | undefined,
): string | undefined {
  if (caller === LOCAL_CALLER) return named ?? undefined;
  if (named === undefined || named === null) return caller.principal;
  if (mayActAs(caller, named)) return named;
  throw new PrincipalForbiddenError();
}

/** Returns {@link actingPrincipal}, for operations that require a principal. */
export function requiredPrincipal(
  caller: KnownCaller,
  member: string,
  named: string | null | undefined,
): string {
  const principal = actingPrincipal(caller, named);
  if (principal === undefined) throw typeFault(member, "string");
  return principal;
}

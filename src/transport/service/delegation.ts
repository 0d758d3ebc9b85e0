/**
 * Whom a caller may act for. The principal of every operation comes from the credential; a request may
 * name another one only if the credential allows it.
 *
 * @module
 */

import { type Caller, LOCAL_CALLER } from "../../auth/authenticator.js";
import { mayActAs } from "../../auth/may-act-for.js";
import { typeFault } from "../../vault/argument-errors.js";
import { PrincipalForbiddenError } from "../../vault/errors.js";

/** Whoever sent a request: by credential, or a trusted machine. */
export type KnownCaller = Caller | typeof LOCAL_CALLER;

/**
 * Returns the principal that an operation is done for.
 *
 * @param named - The principal that the request names, if it names one.
 * @returns The named one, else the caller's own; `undefined` if a trusted machine names none.
 * @throws {@link PrincipalForbiddenError} The caller neither is the named one nor may act for it.
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

/** Returns {@link actingPrincipal}, of operations that nobody does in nobody's name. */
export function requiredPrincipal(
  caller: KnownCaller,
  member: string,
  named: string | null | undefined,
): string {
  const principal = actingPrincipal(caller, named);
  if (principal === undefined) throw typeFault(member, "string");
  return principal;
}

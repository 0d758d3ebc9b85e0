/** Checks the claims and parameters of a token that jose does not check. */
import { Buffer } from "node:buffer";
import type { Caller } from "./authenticator.js";
import type { VerifiedToken } from "./jose-peer.js";
import { checkMayActFor } from "./may-act-for.js";
import { principalOf } from "./principal.js";

export interface ClaimRules {
  readonly claim: string;
  readonly mayActForClaim: string | undefined;
  readonly typ: string | undefined;
  readonly maxLifetimeSeconds: number;
  readonly clockToleranceSeconds: number;
}

const MAX_TOKEN_CHARACTERS = 16_384;
const MAX_PARTS = 3;
// Parameters that a JWT never needs and that other verifiers may interpret differently: RFC 7797, section 7;
// RFC 7516.
const FOREIGN_PARAMETERS = ["b64", "crit", "zip"];
// RFC 7519, section 5.1, and RFC 9068, section 2.1. Other types are for other purposes.
const USUAL_TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  "jwt",
  "application/jwt",
  "at+jwt",
  "application/at+jwt",
]);

/**
 * Returns whether a text can be a token: three parts, each in canonical base64url.
 *
 * Decoders ignore invalid characters. Without this check, one token would have many spellings.
 */
export function isTokenText(text: string): boolean {
  if (text.length > MAX_TOKEN_CHARACTERS) return false;
  const parts = text.split(".", MAX_PARTS + 1);
  return parts.length === MAX_PARTS && parts.every(isBase64Url);
}

function isBase64Url(part: string): boolean {
  return part !== "" && Buffer.from(part, "base64url").toString("base64url") === part;
}

/**
 * Returns the caller that a verified token identifies; `undefined` if required claims are missing or
 * forbidden parameters are present.
 */
export function callerOf(
  token: VerifiedToken,
  rules: ClaimRules,
  nowMs: number,
): Caller | undefined {
  const { payload, protectedHeader } = token;
  if (!isPlainHeader(protectedHeader, rules) || !isShortLived(payload, rules, nowMs))
    return undefined;
  const principal = principalOf(ownMember(payload, rules.claim));
  if (principal === undefined || rules.mayActForClaim === undefined) {
    return principal === undefined ? undefined : { principal };
  }
  return withDelegations(principal, ownMember(payload, rules.mayActForClaim));
}

function isPlainHeader(header: VerifiedToken["protectedHeader"], { typ }: ClaimRules): boolean {
  if (FOREIGN_PARAMETERS.some((name) => Object.hasOwn(header, name))) return false;
  // RFC 7515, section 4.1.4. Some verifiers ignore a key id that is not a string.
  const keyId = ownMember(header, "kid");
  if (keyId !== undefined && typeof keyId !== "string") return false;
  // If a type was required, jose has already compared it.
  if (typ !== undefined) return true;
  const given = ownMember(header, "typ");
  return USUAL_TYPES.has(typeof given === "string" ? given.toLowerCase() : given);
}

/** JSON numbers can overflow to infinity. A token with such an `exp` would never expire. */
function isShortLived(
  payload: VerifiedToken["payload"],
  rules: ClaimRules,
  nowMs: number,
): boolean {
  const exp = ownMember(payload, "exp");
  const iat = ownMember(payload, "iat");
  const now = Math.floor(nowMs / 1000);
  const { maxLifetimeSeconds, clockToleranceSeconds } = rules;
  if (!isNumber(exp) || exp - now > maxLifetimeSeconds + clockToleranceSeconds) return false;
  if (iat === undefined) return true;
  return isNumber(iat) && iat <= now + clockToleranceSeconds && exp - iat <= maxLifetimeSeconds;
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function withDelegations(principal: string, given: unknown): Caller | undefined {
  if (given === undefined) return { principal };
  try {
    return { principal, mayActFor: checkMayActFor(given, "mayActFor") };
  } catch {
    return undefined;
  }
}

function ownMember(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** What a token must say beyond what jose checks. */
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
// What a JWT never needs and other verifiers may read otherwise: RFC 7797, section 7; RFC 7516.
const FOREIGN_PARAMETERS = ["b64", "crit", "zip"];
// RFC 7519, section 5.1, and RFC 9068, section 2.1. Others are tokens for other purposes.
const USUAL_TYPES: ReadonlySet<unknown> = new Set([
  undefined,
  "jwt",
  "application/jwt",
  "at+jwt",
  "application/at+jwt",
]);

/**
 * Tells whether a text can be a token: three parts, each in the one spelling of base64url.
 *
 * Decoders skip what they do not know; then one token has many spellings.
 */
export function isTokenText(text: string): boolean {
  if (text.length > MAX_TOKEN_CHARACTERS) return false;
  const parts = text.split(".", MAX_PARTS + 1);
  return parts.length === MAX_PARTS && parts.every(isBase64Url);
}

function isBase64Url(part: string): boolean {
  return part !== "" && Buffer.from(part, "base64url").toString("base64url") === part;
}

/** Returns who a verified token stands for; `undefined` if it says too little or too much. */
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
  // RFC 7515, section 4.1.4; some verifiers pass over a key id that is no text.
  const keyId = ownMember(header, "kid");
  if (keyId !== undefined && typeof keyId !== "string") return false;
  // A type that was asked for has been compared.
  if (typ !== undefined) return true;
  const given = ownMember(header, "typ");
  return USUAL_TYPES.has(typeof given === "string" ? given.toLowerCase() : given);
}

/** JSON has numbers that become infinite: a token with such an `exp` would live for ever. */
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

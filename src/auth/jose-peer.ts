/** The types of the optional package jose, limited to the parts that are used here. */
import type { KeyObject, webcrypto } from "node:crypto";

/** Finds the key that a token names; throws if there is none. Only jose interprets the arguments. */
export type FindKey = (
  header: never,
  token: never,
) => Promise<webcrypto.CryptoKey | KeyObject | Uint8Array>;

export interface VerifyOptions {
  readonly algorithms: string[];
  readonly issuer: string;
  readonly audience: string;
  readonly requiredClaims: string[];
  readonly clockTolerance: number;
  readonly currentDate: Date;
  readonly typ?: string;
}

export interface VerifiedToken {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly protectedHeader: Readonly<Record<string, unknown>>;
}

export interface Jose {
  jwtVerify(token: string, findKey: FindKey, options: VerifyOptions): Promise<VerifiedToken>;
  createLocalJWKSet(jwks: { keys: JsonWebKeyMembers[] }): FindKey;
}

/** A JSON Web Key, RFC 7517. */
export type JsonWebKeyMembers = Record<string, unknown> & { readonly kty: string };

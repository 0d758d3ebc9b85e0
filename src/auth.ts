/**
 * Authentication of the callers of a vault that other processes can reach.
 *
 * @module
 */
export { anyOf } from "./auth/any-of.js";
export type { Authenticator, Caller, Connection, Evidence } from "./auth/authenticator.js";
export { type HeaderAuthOptions, headerAuth } from "./auth/header.js";
export type { JwksOptions } from "./auth/jwks-source.js";
export { type JwtAuthOptions, openJwtAuth } from "./auth/jwt.js";
export type { JwtJsonWebKey, JwtJsonWebKeySet, JwtKey } from "./auth/jwt-keys.js";
export { trustLocalCallers } from "./auth/local.js";
export { type MtlsAuthOptions, mtlsAuth } from "./auth/mtls.js";
export {
  generateToken,
  hashToken,
  type StaticToken,
  type TokenAuthenticator,
  type TokenAuthOptions,
  tokenAuth,
} from "./auth/token.js";

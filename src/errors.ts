/**
 * `handlevault/errors`: every error of the library, one class for each condition that a caller can act on.
 *
 * `isVaultError` and the codes recognise errors without their classes, also those of another copy of the
 * library.
 *
 * @module
 *
 * @example
 * ```ts
 * try {
 *   await vault.seal(record, options);
 * } catch (error) {
 *   if (isVaultError(error, "ERR_VAULT_CACHE_FULL")) await vault.purgeExpired();
 *   else throw error;
 * }
 * ```
 */
export * from "./vault/errors.js";

/** A key that only this process has. */
import { randomBytes } from "node:crypto";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { takeKey } from "../primitives/bytes.js";
import { randomHex } from "../primitives/random-pool.js";
import type { KeyProvider } from "../vault/contracts.js";
import { KeyNotFoundError } from "../vault/errors.js";
import { unwrapUnder, wrapUnder } from "./key-wrap.js";

/** Returns a new id for a key that is lost with this process. */
export function ephemeralKeyId(): string {
  return `ephemeral-${randomHex(8)}`;
}

/** Returns one random key, which cannot rotate. It is the default of a vault, and smaller than a key ring. */
export function ephemeralKeys(): KeyProvider {
  const keyId = ephemeralKeyId();
  const key = takeKey(randomBytes(KEY_BYTES));
  return {
    durable: false,
    currentKeyId: () => keyId,
    epoch: () => 0,
    wrap: (dataKey, context) => wrapUnder({ key, keyId }, dataKey, context),
    unwrap(wrapped, context) {
      if (wrapped.keyId !== keyId) throw new KeyNotFoundError();
      return unwrapUnder(key, wrapped, context);
    },
  };
}

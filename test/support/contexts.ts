import type { EncryptionContext } from "../../src/vault/contracts.js";

/** A context as the vault makes them. */
export const CONTEXT: EncryptionContext = {
  block: "head",
  version: 1,
  flags: 0,
  lookupId: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
};

/** Contexts that each differ from {@link CONTEXT} in one thing. */
export const OTHER_CONTEXTS: readonly EncryptionContext[] = [
  { ...CONTEXT, version: 2 },
  { ...CONTEXT, flags: 1 },
  { ...CONTEXT, lookupId: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgk" },
  { ...CONTEXT, lookupId: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCg" },
  { ...CONTEXT, tenant: "acme" },
];

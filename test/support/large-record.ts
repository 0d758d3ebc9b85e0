/** A record of 16 MiB, and all operations that do not need its body. */

import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { codeThrownBy } from "./refusals.js";
import { rotate } from "./rotation.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "./vault.js";

export const LARGE_BYTES: number = 2 ** 24;

export interface LargeRecord {
  readonly vault: HandleVault;
  readonly keys: KeyRing;
  readonly id: string;
  readonly payload: Uint8Array;
}

/** Seals the record; the cache is closed with its vault. */
export async function sealLargeRecord(cache: CacheBackend): Promise<LargeRecord> {
  const keys = KeyRing.from({ current: "old", keys: { old: generateKey() } });
  const vault = new HandleVault({ cache, keys, cacheTimeoutMs: 20_000 });
  const payload = randomBytes(LARGE_BYTES);
  const { id } = await vault.seal(payload, sealOptions());
  return { vault, keys, id, payload };
}

type Operation = (record: LargeRecord) => Promise<unknown>;

/** The operations that need only the head of a record, by name. */
export const HEAD_OPERATIONS: readonly (readonly [name: string, operation: Operation])[] = [
  ["a grant", ({ vault, id }) => vault.grant(id, "another", { by: OWNER })],
  ["a revocation", ({ vault, id }) => vault.revoke(id, "another", { by: OWNER })],
  ["a renewal", ({ vault, id }) => vault.renew(id, 600, { by: OWNER })],
  [
    "a refusal",
    async ({ vault, id }) => {
      const code = await codeThrownBy(() => vault.unseal(id, STRANGER));
      expect(code).toBe("ERR_VAULT_HANDLE_ACCESS_DENIED");
    },
  ],
  [
    "a safe view",
    async ({ vault, id }) => expect(await vault.getSafeView(id)).toBe(sealOptions().safeView),
  ],
  ["a description", ({ vault, id }) => vault.describe(id, GRANTEE)],
  [
    "a rewrap",
    async ({ vault, keys }) => {
      rotate(keys, "new", generateKey());
      expect(await vault.rewrap()).toMatchObject({ rewrapped: 1, failed: 0 });
    },
  ],
];

/** Opens the record, and checks that it is unchanged. */
export async function checkLargeRecord({ vault, id, payload }: LargeRecord): Promise<void> {
  const opened = await vault.unseal<Uint8Array>(id, GRANTEE);
  expect(Buffer.compare(opened, payload)).toBe(0);
}

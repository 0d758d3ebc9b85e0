/** The contract of `KeyProvider`, as laws for any test runner. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { KeyContext, KeyProvider, MaybePromise, WrappedKey } from "../vault/contracts.js";
import { isVaultError, type VaultErrorCode } from "../vault/errors.js";
import { describeLaws, type Law, type Laws, type SuiteOptions } from "./laws.js";

/** Opens the key provider under test. */
export interface KeyProviderHarness {
  /** Returns a provider that has keys for records, of no tenant and of the tenants `"a"` and `"b"`. */
  open(): MaybePromise<KeyProvider>;
  /** Makes the next key the current one of a context; earlier keys still unwrap. */
  readonly rotate?:
    | ((provider: KeyProvider, context: KeyContext) => MaybePromise<void>)
    | undefined;
  /** A purpose besides `"record"` for which the provider has keys. */
  readonly otherPurpose?: string | undefined;
}

/** Laws of key providers, by their statements. */
export type KeyProviderLaws = Laws<KeyProviderHarness>;

const KEY_BYTES = 32;
const RECORD: KeyContext = { purpose: "record" };
const TENANT: KeyContext = { purpose: "record", tenant: "a" };
const CONTEXTS = [RECORD, TENANT];
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The laws of key providers, by their statements. Any minor version may add laws.
 *
 * @example
 * ```ts
 * await keyProviderLaws["a wrapped key opens as the data key"]?.({ open: () => new MyKms() });
 * ```
 */
export const keyProviderLaws: KeyProviderLaws = {
  "a wrapped key opens as the data key": lawOf(async (provider) => {
    for (const context of CONTEXTS) {
      const dataKey = randomBytes(KEY_BYTES);
      const wrapped = await provider.wrap(Buffer.from(dataKey), context);
      assert.match(wrapped.keyId, KEY_ID);
      assert.equal(wrapped.keyId, provider.currentKeyId(context));
      assert.deepEqual(Buffer.from(await provider.unwrap(wrapped, context)), dataKey);
    }
  }),

  "no two wraps of a data key are equal": lawOf(async (provider) => {
    const dataKey = randomBytes(KEY_BYTES);
    const wrap = async () => (await provider.wrap(Buffer.from(dataKey), RECORD)).wrapped;
    const [one, other] = [await wrap(), await wrap()];
    assert(!Buffer.from(one).equals(other), "two wraps are equal");
    assert(!Buffer.from(one).includes(dataKey), "the data key is in the wrapped key");
  }),

  "the data key may be wiped as soon as a wrap has settled": lawOf(async (provider) => {
    const dataKey = randomBytes(KEY_BYTES);
    const given = Buffer.from(dataKey);
    const wrapped = await provider.wrap(given, RECORD);
    given.fill(0);
    assert.deepEqual(Buffer.from(await provider.unwrap(wrapped, RECORD)), dataKey);
  }),

  "each unwrap returns memory of its own": lawOf(async (provider) => {
    const dataKey = randomBytes(KEY_BYTES);
    const wrapped = await provider.wrap(Buffer.from(dataKey), RECORD);
    (await provider.unwrap(wrapped, RECORD)).fill(0);
    assert.deepEqual(Buffer.from(await provider.unwrap(wrapped, RECORD)), dataKey);
  }),

  "an altered wrapped key is a RecordIntegrityError, whichever byte it is": lawOf(
    async (provider) => {
      const wrapped = await provider.wrap(randomBytes(KEY_BYTES), RECORD);
      const { length } = wrapped.wrapped;
      for (const at of new Set([0, Math.floor(length / 2), length - 1])) {
        const bytes = Buffer.from(wrapped.wrapped);
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        await assertRefused(provider, { ...wrapped, wrapped: bytes }, RECORD);
      }
      for (const bytes of [Buffer.alloc(0), Buffer.from(wrapped.wrapped).subarray(1)]) {
        await assertRefused(provider, { ...wrapped, wrapped: bytes }, RECORD);
      }
    },
  ),

  "the id of an unknown key is a KeyNotFoundError": lawOf(async (provider) => {
    const wrapped = await provider.wrap(randomBytes(KEY_BYTES), RECORD);
    const unknown = { ...wrapped, keyId: "no-such-key-4d1a" };
    assert.equal(await codeOf(() => provider.unwrap(unknown, RECORD)), "ERR_VAULT_KEY_NOT_FOUND");
  }),

  "a wrapped key of another purpose, tenant or version is refused": lawNeeding(
    "otherPurpose",
    async (provider, { otherPurpose: purpose = "" }) => {
      const contexts: KeyContext[] = [
        { purpose },
        { purpose, tenant: "a" },
        { purpose, tenant: "b" },
        { purpose, version: 1 },
        { purpose, version: 2 },
        RECORD,
      ];
      for (const made of contexts) {
        const wrapped = await provider.wrap(randomBytes(KEY_BYTES), made);
        for (const asked of contexts) {
          if (asked === made) await provider.unwrap(wrapped, asked);
          else await assertRefused(provider, wrapped, asked);
        }
      }
    },
  ),

  "a rotation changes the epoch and the current key, and earlier keys open": lawNeeding(
    "rotate",
    async (provider, { rotate }) => {
      for (const context of CONTEXTS) {
        const dataKey = randomBytes(KEY_BYTES);
        const before = await provider.wrap(Buffer.from(dataKey), context);
        const epoch = provider.epoch(context);
        await rotate?.(provider, context);
        assert.notEqual(provider.epoch(context), epoch);
        assert.notEqual(provider.currentKeyId(context), before.keyId);
        assert.deepEqual(Buffer.from(await provider.unwrap(before, context)), dataKey);
        const after = await provider.wrap(Buffer.from(dataKey), context);
        assert.equal(after.keyId, provider.currentKeyId(context));
      }
    },
  ),

  "a rewrap keeps the data key, and returns nothing for a current key": lawNeeding(
    "rotate",
    async (provider, { rotate }) => {
      if (provider.rewrap === undefined) return;
      const dataKey = randomBytes(KEY_BYTES);
      const before = await provider.wrap(Buffer.from(dataKey), RECORD);
      assert.equal(await provider.rewrap(before, RECORD), undefined);
      await rotate?.(provider, RECORD);
      const after = await provider.rewrap(before, RECORD);
      assert(after !== undefined, "a key that is not current is not rewrapped");
      assert.equal(after.keyId, provider.currentKeyId(RECORD));
      assert.deepEqual(Buffer.from(await provider.unwrap(after, RECORD)), dataKey);
    },
  ),
};

/**
 * Declares a test for each of {@link keyProviderLaws}, with the functions of any test runner.
 *
 * @throws TypeError `exceptions` names a law that does not exist or is not run, or gives no reason.
 *
 * @example
 * ```ts
 * import { describeKeyProvider } from "handlevault/testing";
 * import { describe, it } from "vitest"; // or "node:test"
 *
 * describeKeyProvider("my key service", { open: () => new MyKms() }, { describe, it });
 * ```
 */
export function describeKeyProvider(
  name: string,
  harness: KeyProviderHarness,
  options: SuiteOptions,
): void {
  describeLaws(name, { laws: keyProviderLaws, harness }, options);
}

type Check = (provider: KeyProvider, harness: KeyProviderHarness) => Promise<void>;

function lawOf(check: Check): Law<KeyProviderHarness> {
  return async (harness) => check(await harness.open(), harness);
}

function lawNeeding(needs: "rotate" | "otherPurpose", check: Check): Law<KeyProviderHarness> {
  return Object.assign(lawOf(check), { needs });
}

/** Asserts that a wrapped key does not open: its key is unknown there, or it is bound to another context. */
async function assertRefused(
  provider: KeyProvider,
  wrapped: WrappedKey,
  context: KeyContext,
): Promise<void> {
  const code = await codeOf(() => provider.unwrap(wrapped, context));
  const isRefused = code === "ERR_VAULT_RECORD_INTEGRITY" || code === "ERR_VAULT_KEY_NOT_FOUND";
  assert(isRefused, `it is answered by ${code}`);
}

async function codeOf(call: () => unknown): Promise<VaultErrorCode | "a result" | "another error"> {
  try {
    await call();
    return "a result";
  } catch (error) {
    return isVaultError(error) ? error.code : "another error";
  }
}

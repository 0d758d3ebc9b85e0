/** The laws of key providers, on every provider of the library, and on broken ones. */
import { describe, expect, it } from "vitest";
import { generateKey, type KeyContext, type KeyProvider, KeyRing } from "../../src/index.js";
import { ephemeralKeys } from "../../src/keys/ephemeral-keys.js";
import {
  describeKeyProvider,
  type KeyProviderHarness,
  keyProviderLaws,
} from "../../src/testing.js";
import { FakeKms } from "../support/fake-kms.js";

const ring = () => KeyRing.from({ current: "k1", keys: { k1: generateKey() } });

let keys = 1;
const ofRing: KeyProviderHarness = {
  open: ring,
  otherPurpose: "audit",
  rotate(provider) {
    const id = `k${++keys}`;
    (provider as KeyRing).add(id, generateKey());
    (provider as KeyRing).promote(id);
  },
};

describeKeyProvider("a key ring", ofRing, { describe, it });
describeKeyProvider(
  "an ephemeral key",
  { open: ephemeralKeys, otherPurpose: "audit" },
  { describe, it },
);
describeKeyProvider(
  "a key management service",
  {
    open: () => new FakeKms(),
    rotate: (provider) => (provider as FakeKms).rotate(`kms-${++keys}`),
  },
  { describe, it },
);

/** Returns a provider over a ring with other members. */
function broken(change: (sound: KeyRing) => Partial<KeyProvider>): KeyProviderHarness {
  const open = () => {
    const sound = ring();
    const provider: KeyProvider = {
      durable: true,
      currentKeyId: () => sound.currentKeyId(),
      epoch: () => sound.epoch(),
      wrap: (dataKey, context) => sound.wrap(dataKey, context),
      unwrap: (wrapped, context) => sound.unwrap(wrapped, context),
    };
    return Object.assign(provider, change(sound));
  };
  return { open, otherPurpose: "audit", rotate: () => undefined };
}

const RECORD: KeyContext = { purpose: "record" };
const MUTANTS: Readonly<Record<string, KeyProviderHarness>> = {
  "a wrapped key opens as the data key": broken(() => ({ unwrap: () => Buffer.alloc(32) })),
  "no two wraps of a data key are equal": broken((sound) => {
    const known = new Map<string, ReturnType<KeyRing["wrap"]>>();
    return {
      wrap(dataKey) {
        const name = Buffer.from(dataKey).toString("hex");
        const wrapped = known.get(name) ?? sound.wrap(dataKey);
        known.set(name, wrapped);
        return wrapped;
      },
    };
  }),
  "the data key may be wiped as soon as a wrap has settled": broken(() => {
    let kept: Uint8Array = Buffer.alloc(32);
    return {
      wrap(dataKey) {
        kept = dataKey;
        return { keyId: "k1", wrapped: Buffer.alloc(8) };
      },
      unwrap: () => Buffer.from(kept),
    };
  }),
  "each unwrap returns memory of its own": broken((sound) => {
    let shared: Uint8Array | undefined;
    return {
      unwrap(wrapped, context) {
        shared ??= sound.unwrap(wrapped, context);
        return shared;
      },
    };
  }),
  "an altered wrapped key is a RecordIntegrityError, whichever byte it is": broken((sound) => ({
    unwrap(wrapped, context) {
      try {
        return sound.unwrap(wrapped, context);
      } catch {
        throw new Error("the service is unavailable");
      }
    },
  })),
  "the id of an unknown key is a KeyNotFoundError": broken((sound) => ({
    unwrap: ({ wrapped }, context) => sound.unwrap({ keyId: "k1", wrapped }, context),
  })),
  "a wrapped key of another purpose, tenant or version is refused": broken((sound) => ({
    wrap: (dataKey) => sound.wrap(dataKey, RECORD),
    unwrap: (wrapped) => sound.unwrap(wrapped, RECORD),
  })),
  "a rotation changes the epoch and the current key, and earlier keys open": broken(() => ({})),
  "a rewrap keeps the data key, and returns nothing for a current key": broken((sound) => ({
    rewrap: (wrapped) => wrapped ?? sound,
  })),
};

describe("the laws of key providers", () => {
  it.each(Object.keys(keyProviderLaws))("notice a provider that breaks: %s", async (title) => {
    const mutant = MUTANTS[title];
    expect(mutant).toBeDefined();
    if (mutant !== undefined) await expect(keyProviderLaws[title]?.(mutant)).rejects.toThrow();
  });
});

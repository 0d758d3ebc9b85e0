import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { HandleVault } from "../../src/handle-vault.js";
import { DataKeys } from "../../src/keys/data-keys.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { KeyProvider } from "../../src/vault/contracts.js";
import { CacheUnavailableError } from "../../src/vault/errors.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { CONTEXT } from "../support/contexts.js";
import { FakeKms } from "../support/fake-kms.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND, thrownBy } from "../support/refusals.js";
import { rotate } from "../support/rotation.js";

const plaintext = pseudoRandomBytes(100, 51);

function setUp() {
  const kms = new FakeKms();
  return { kms, encryptor: aes256GcmEncryptor({ keys: kms }) };
}

/** Returns a header that another instance created under the service's current key. */
async function headerFrom(kms: FakeKms): Promise<Buffer> {
  return (await new DataKeys(kms).forEncryption()).header;
}

describe("encrypting with a key management service", () => {
  it("any number of concurrent encryptions share one wrap", async () => {
    const { kms, encryptor } = setUp();
    const inputs = Array.from({ length: 50 }, (_, index) => pseudoRandomBytes(index, index + 1));
    const sealed = await Promise.all(
      inputs.map(async (input) => encryptor.encrypt(input, CONTEXT)),
    );
    expect(kms.wraps).toBe(1);
    const opened = await Promise.all(sealed.map(async (one) => encryptor.decrypt(one, CONTEXT)));
    expect(opened.every((bytes, index) => inputs[index]?.equals(bytes))).toBe(true);
    expect([kms.wraps, kms.unwraps]).toEqual([1, 0]);
    const nonces = new Set(sealed.map((one) => Buffer.from(one).toString("hex", 112, 124)));
    expect(nonces.size).toBe(50);
  });

  it("the caller may reuse the plaintext's memory as soon as the call returns", async () => {
    const { kms, encryptor } = setUp();
    const release = kms.hold();
    const buffer = Buffer.from(plaintext);
    const pending = encryptor.encrypt(buffer, CONTEXT);
    expect(pending).toBeInstanceOf(Promise);
    buffer.fill(0xaa);
    release();
    expect(plaintext.equals(await encryptor.decrypt(await pending, CONTEXT))).toBe(true);
    const later = encryptor.encrypt(Buffer.from(plaintext), CONTEXT);
    expect(later).not.toBeInstanceOf(Promise);
  });

  it("a failed wrap fails the calls that waited for it and no later one", async () => {
    const { kms, encryptor } = setUp();
    const trouble = new CacheUnavailableError();
    kms.failWith(trouble);
    const calls = [1, 2, 3].map(() => thrownBy(() => encryptor.encrypt(plaintext)));
    expect(await Promise.all(calls)).toEqual([trouble, trouble, trouble]);
    expect(kms.wraps).toBe(1);
    kms.failWith(undefined);
    expect(plaintext.equals(await encryptor.decrypt(await encryptor.encrypt(plaintext)))).toBe(
      true,
    );
  });

  it("a wrap that was pending at a rotation serves the callers that waited, but no later ones", async () => {
    const { kms, encryptor } = setUp();
    const release = kms.hold();
    const early = encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const late = encryptor.encrypt(plaintext);
    release();
    expect(encryptor.keyIdOf(await early)).toBe("kms-1");
    expect(encryptor.keyIdOf(await late)).toBe("kms-2");
    expect(encryptor.keyIdOf(await encryptor.encrypt(plaintext))).toBe("kms-2");
    for (const sealed of [await early, await late]) {
      expect(plaintext.equals(await encryptor.decrypt(sealed))).toBe(true);
    }
    expect(kms.wraps).toBe(2);
  });
});

describe("decrypting with a key management service", () => {
  it("any number of concurrent decryptions share one unwrap", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext, CONTEXT);
    const reader = aes256GcmEncryptor({ keys: kms });
    const opened = await Promise.all(
      Array.from({ length: 50 }, async () => reader.decrypt(sealed, CONTEXT)),
    );
    expect(opened.every((bytes) => plaintext.equals(bytes))).toBe(true);
    opened[0]?.fill(0);
    expect(opened.slice(1).every((bytes) => plaintext.equals(bytes))).toBe(true);
    expect(kms.unwraps).toBe(1);
    expect(reader.decrypt(sealed, CONTEXT)).not.toBeInstanceOf(Promise);
  });

  it("a forged header reaches the service once in 10 seconds, however often it comes", async () => {
    const kms = new FakeKms();
    const watch = { ms: 0 };
    const keys = new DataKeys(kms, { elapsedMs: () => watch.ms });
    const header = await headerFrom(kms);
    header.writeUInt8(header.readUInt8(30) ^ 1, 30);
    const open = () => codeThrownBy(() => keys.forDecryption(header, header.length));
    const atOnce = await Promise.all(Array.from({ length: 20 }, open));
    expect(new Set(atOnce)).toEqual(new Set([INTEGRITY]));
    watch.ms = 9_999;
    expect(await open()).toBe(INTEGRITY);
    expect(kms.unwraps).toBe(1);
    watch.ms = 10_000;
    expect(await open()).toBe(INTEGRITY);
    expect(kms.unwraps).toBe(2);
  });

  it("a forged commitment is found although the service unwraps the key", async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms);
    const header = await headerFrom(kms);
    header.writeUInt8(header.readUInt8(header.length - 1) ^ 1, header.length - 1);
    expect(await codeThrownBy(() => keys.forDecryption(header, header.length))).toBe(INTEGRITY);
  });

  it("every failure of the service becomes one error, and the next call tries again", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    const reader = aes256GcmEncryptor({ keys: kms });
    const trouble = new Error("throttled");
    kms.failWith(trouble);
    expect(await thrownBy(() => reader.decrypt(sealed))).toMatchObject({
      code: "ERR_VAULT_KEY_SERVICE_UNAVAILABLE",
      providerError: trouble,
    });
    kms.failWith(undefined);
    expect(plaintext.equals(await reader.decrypt(sealed))).toBe(true);
  });

  it("an unwrap that was pending when its key was removed is not cached", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    const reader = aes256GcmEncryptor({ keys: kms });
    const release = kms.hold();
    const pending = reader.decrypt(sealed);
    kms.rotate("kms-2");
    kms.remove("kms-1");
    release();
    expect(plaintext.equals(await pending)).toBe(true);
    expect(await codeThrownBy(() => reader.decrypt(sealed))).toBe(KEY_NOT_FOUND);
  });

  it("a rejection that was pending when the key was added is not cached", async () => {
    const key = pseudoRandomBytes(32, 52);
    const stranger = KeyRing.from({ current: "late", keys: { late: key } });
    const header = (await new DataKeys(stranger).forEncryption()).header;
    const ring = KeyRing.ephemeral();
    const gate: { open: () => void } = { open: () => undefined };
    const held = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const keys = new DataKeys({
      durable: true,
      currentKeyId() {
        return ring.currentKeyId();
      },
      epoch() {
        return ring.epoch();
      },
      wrap: (dataKey) => ring.wrap(dataKey),
      unwrap: async (wrapped) => {
        const isKnown = ring.keyIds.includes(wrapped.keyId);
        await held;
        return isKnown ? ring.unwrap(wrapped) : KeyRing.ephemeral().unwrap(wrapped);
      },
    });
    const pending = codeThrownBy(() => keys.forDecryption(header, header.length));
    rotate(ring, "late", key);
    // Any call makes the instance notice the ring's change before the rejection arrives.
    await keys.forEncryption();
    gate.open();
    expect(await pending).toBe(KEY_NOT_FOUND);
    expect(await codeThrownBy(() => keys.forDecryption(header, header.length))).toBe("no error");
  });
});

describe("rewrapping with a key management service", () => {
  it("asks once for all records that share a data key", async () => {
    const { kms, encryptor } = setUp();
    const [one, two] = [await encryptor.encrypt(plaintext), await encryptor.encrypt(plaintext)];
    kms.rotate("kms-2");
    const rewrapped = [await encryptor.rewrap(one), await encryptor.rewrap(two)];
    expect([kms.wraps, kms.unwraps]).toEqual([2, 1]);
    kms.remove("kms-1");
    for (const sealed of rewrapped) {
      expect(plaintext.equals(await encryptor.decrypt(sealed ?? new Uint8Array()))).toBe(true);
    }
  });

  it("a failure leaves nothing behind and can be tried again", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const trouble = new Error("throttled");
    kms.failWith(trouble);
    expect(await thrownBy(() => encryptor.rewrap(sealed))).toMatchObject({
      providerError: trouble,
    });
    kms.failWith(undefined);
    expect(encryptor.keyIdOf((await encryptor.rewrap(sealed)) ?? sealed)).toBe("kms-2");
  });

  it("never returns a header that was wrapped before a later rotation", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const release = kms.hold();
    const early = encryptor.rewrap(sealed);
    // The unwrap completes; then the wrap under kms-2 is requested and blocked.
    release();
    for (let turn = 0; kms.wraps < 2 && turn < 1000; turn++) await setImmediate();
    kms.rotate("kms-3");
    await encryptor.encrypt(plaintext);
    await early;
    const late = (await encryptor.rewrap(sealed)) ?? sealed;
    expect(encryptor.keyIdOf(late)).toBe("kms-3");
  });
});

describe("a key service that does not answer", () => {
  const ARN = "AccessDeniedException: arn:aws:kms:eu-1:123456789012:key/canary";
  const CODE = "ERR_VAULT_KEY_SERVICE_UNAVAILABLE";

  /** Returns a service whose calls never settle while it is blocked. */
  function stuckService() {
    const ring = KeyRing.from({ current: "k", keys: { k: pseudoRandomBytes(32, 61) } });
    const state = { isStuck: true, calls: 0, late: [] as ((value: never) => void)[] };
    const answer = <T>(value: () => T): Promise<T> => {
      state.calls += 1;
      if (!state.isStuck) return Promise.resolve(value());
      return new Promise((resolve) => state.late.push(resolve as (value: never) => void));
    };
    const keys: KeyProvider = {
      durable: true,
      currentKeyId: () => "k",
      epoch: () => 0,
      wrap: (dataKey) => answer(() => ring.wrap(dataKey)),
      unwrap: (wrapped) => answer(() => ring.unwrap(wrapped)),
    };
    return { keys, state, ring };
  }

  it("ends each call within the time limit, and does not delay later calls", async () => {
    const { keys, state } = stuckService();
    const encryptor = aes256GcmEncryptor({ keys, keyTimeoutMs: 20 });
    for (let call = 1; call <= 3; call++) {
      expect(await thrownBy(() => encryptor.encrypt(plaintext))).toMatchObject({
        code: CODE,
        providerError: undefined,
      });
      expect(state.calls).toBe(call);
    }
    state.isStuck = false;
    const sealed = await encryptor.encrypt(plaintext);
    expect(plaintext.equals(await encryptor.decrypt(sealed))).toBe(true);
    state.isStuck = true;
    const reader = aes256GcmEncryptor({ keys, keyTimeoutMs: 20 });
    for (let call = 1; call <= 2; call++) {
      expect(await codeThrownBy(() => reader.decrypt(sealed))).toBe(CODE);
    }
    state.isStuck = false;
    expect(plaintext.equals(await reader.decrypt(sealed))).toBe(true);
  });

  it("causes a data key that arrives too late to be wiped", async () => {
    const { keys, state } = stuckService();
    state.isStuck = false;
    const sealed = await aes256GcmEncryptor({ keys }).encrypt(plaintext);
    state.isStuck = true;
    const reader = aes256GcmEncryptor({ keys, keyTimeoutMs: 20 });
    expect(await codeThrownBy(() => reader.decrypt(sealed))).toBe(CODE);
    const late = Buffer.alloc(32, 7);
    state.late[0]?.(late as never);
    await setImmediate();
    expect(late).toEqual(Buffer.alloc(32));
  });

  it.each<[string, Partial<KeyProvider>]>([
    [
      "throws",
      {
        wrap: () => {
          throw new Error(ARN);
        },
      },
    ],
    ["rejects", { wrap: () => Promise.reject(new Error(ARN)) }],
    ["rejects with a text", { wrap: () => Promise.reject(ARN) }],
    ["returns nothing", { wrap: () => undefined as never }],
    ["returns no bytes", { wrap: () => ({ keyId: "k", wrapped: ARN as never }) }],
    ["returns an id that is none", { wrap: () => ({ keyId: ARN, wrapped: Buffer.alloc(72) }) }],
  ])("or one that %s, becomes one error without its text", async (_, changes) => {
    const { keys, state } = stuckService();
    state.isStuck = false;
    const broken = Object.defineProperties({ ...keys }, Object.getOwnPropertyDescriptors(changes));
    const vault = new HandleVault({ keys: broken as KeyProvider });
    const error = await vault
      .seal("x", { ownerPrincipal: "o", safeView: "v" })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: CODE });
    for (const shown of [inspect(error), JSON.stringify(error), String(error)]) {
      expect(shown).not.toContain("canary");
    }
  });

  it.each([Buffer.alloc(31), Buffer.alloc(33), "k".repeat(32), undefined])(
    "or one that unwraps to something else, opens nothing: %j",
    async (dataKey) => {
      const { keys, state } = stuckService();
      state.isStuck = false;
      const sealed = await aes256GcmEncryptor({ keys }).encrypt(plaintext);
      const reader = aes256GcmEncryptor({ keys: { ...keys, unwrap: () => dataKey as never } });
      expect(await codeThrownBy(() => reader.decrypt(sealed))).toBe(CODE);
    },
  );
});

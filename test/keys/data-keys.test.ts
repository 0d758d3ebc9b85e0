import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { DataKey } from "../../src/keys/data-key.js";
import { DataKeys } from "../../src/keys/data-keys.js";
import { generateKey, KeyRing } from "../../src/keys/key-ring.js";
import type { KeyProvider, WrappedKey } from "../../src/vault/contracts.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND, thrownBy } from "../support/refusals.js";
import { rotate } from "../support/rotation.js";

const HOUR_MS = 3_600_000;
const newRing = () =>
  KeyRing.from({ current: "key-1", keys: { "key-1": pseudoRandomBytes(32, 41) } });

/** A key ring that counts its calls. Like all rings it is synchronous. */
class CountingRing implements KeyProvider {
  readonly ring: KeyRing = newRing();
  readonly durable = true;
  wraps = 0;
  unwraps = 0;

  currentKeyId(): string {
    return this.ring.currentKeyId();
  }

  epoch(): number {
    return this.ring.epoch();
  }

  wrap(dataKey: Uint8Array): WrappedKey {
    this.wraps += 1;
    return this.ring.wrap(dataKey);
  }

  unwrap(wrappedKey: WrappedKey): Uint8Array {
    this.unwraps += 1;
    return this.ring.unwrap(wrappedKey);
  }
}

function setUp() {
  const provider = new CountingRing();
  const watch = { ms: 0 };
  return { provider, watch, keys: new DataKeys(provider, { elapsedMs: () => watch.ms }) };
}

async function drawn(keys: DataKeys): Promise<DataKey> {
  return await keys.forEncryption();
}

async function headersOf(provider: KeyProvider, count: number): Promise<Buffer[]> {
  const headers: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    headers.push((await drawn(new DataKeys(provider))).header);
  }
  return headers;
}

describe("a data key", () => {
  it("is generated once and used until it reaches a limit", async () => {
    const { provider, keys } = setUp();
    const first = await drawn(keys);
    expect(await drawn(keys)).toBe(first);
    expect(provider.wraps).toBe(1);
  });

  it("is replaced after an hour, not a millisecond earlier", async () => {
    const { watch, keys } = setUp();
    const first = await drawn(keys);
    watch.ms = HOUR_MS - 1;
    expect(await drawn(keys)).toBe(first);
    watch.ms = HOUR_MS;
    const second = await drawn(keys);
    expect(second).not.toBe(first);
    expect(second.header.equals(first.header)).toBe(false);
    watch.ms = 2 * HOUR_MS - 1;
    expect(await drawn(keys)).toBe(second);
  });

  it("is replaced after 2^20 encryptions, not one earlier", async () => {
    const { keys } = setUp();
    const first = await drawn(keys);
    const nonce = Buffer.alloc(12);
    for (let count = 1; count < 2 ** 20; count++) first.nextNonce(1, nonce);
    expect(await drawn(keys)).toBe(first);
    first.nextNonce(1, nonce);
    expect(nonce.readUInt32BE(8)).toBe(2 ** 20 - 1);
    expect(await drawn(keys)).not.toBe(first);
  });

  it("is replaced after 64 GiB, not a byte earlier", async () => {
    const { keys } = setUp();
    const first = await drawn(keys);
    const nonce = Buffer.alloc(12);
    first.nextNonce(2 ** 36 - 1, nonce);
    expect(await drawn(keys)).toBe(first);
    first.nextNonce(1, nonce);
    expect(await drawn(keys)).not.toBe(first);
  });

  it("may still be used by current callers after its limit, without repeating a nonce", async () => {
    const { keys } = setUp();
    const key = await drawn(keys);
    const nonces = new Set<string>();
    const nonce = Buffer.alloc(12);
    key.nextNonce(2 ** 36, nonce);
    for (let count = 0; count < 1000; count++) {
      key.nextNonce(1, nonce);
      nonces.add(nonce.toString("hex"));
    }
    expect(key.isSpent(0)).toBe(true);
    expect(nonces.size).toBe(1000);
  });

  it("has a nonce of 64 random bits and a count of 32", async () => {
    const { keys } = setUp();
    const key = await drawn(keys);
    const [one, two] = [Buffer.alloc(12), Buffer.alloc(12)];
    key.nextNonce(0, one);
    key.nextNonce(0, two);
    expect([one.readUInt32BE(8), two.readUInt32BE(8)]).toEqual([0, 1]);
    expect(one.subarray(0, 8)).not.toEqual(two.subarray(0, 8));
  });

  it("its spent predecessor still decrypts", async () => {
    const { watch, keys } = setUp();
    const first = await drawn(keys);
    watch.ms = HOUR_MS;
    await drawn(keys);
    const { header } = first;
    expect(await keys.forDecryption(header, header.length)).toBe(first.key);
  });
});

describe("opened data keys", () => {
  it("the data key that an instance generated needs no unwrapping", async () => {
    const { provider, keys } = setUp();
    const { header, key } = await drawn(keys);
    expect(await keys.forDecryption(header, header.length)).toBe(key);
    expect(provider.unwraps).toBe(0);
  });

  it("another instance's data key is unwrapped once", async () => {
    const { provider, keys } = setUp();
    const [header] = (await headersOf(provider.ring, 1)) as [Buffer];
    const opened = await keys.forDecryption(header, header.length);
    for (let round = 0; round < 10; round++) {
      expect(await keys.forDecryption(header, header.length)).toBe(opened);
    }
    expect(provider.unwraps).toBe(1);
  });

  it("at most 1,024 are remembered, the oldest forgotten first", async () => {
    const { provider, keys } = setUp();
    const headers = await headersOf(provider.ring, 1025);
    for (const header of headers) await keys.forDecryption(header, header.length);
    expect(provider.unwraps).toBe(1025);
    const [first, second] = headers as [Buffer, Buffer];
    await keys.forDecryption(second, second.length);
    expect(provider.unwraps).toBe(1025);
    await keys.forDecryption(first, first.length);
    expect(provider.unwraps).toBe(1026);
  });

  it("a change to the ring forgets them all, the key in use too", async () => {
    const { provider, keys } = setUp();
    const before = await drawn(keys);
    rotate(provider.ring, "key-2", generateKey());
    const after = await drawn(keys);
    expect(after).not.toBe(before);
    expect(after.header.toString("latin1", 1, 6)).toBe("key-2");
    await keys.forDecryption(before.header, before.header.length);
    expect(provider.unwraps).toBe(1);
    provider.ring.remove("key-1", { force: true });
    const reopen = () => keys.forDecryption(before.header, before.header.length);
    expect(await codeThrownBy(reopen)).toBe(KEY_NOT_FOUND);
  });

  it("a removed key is gone even for an instance that only decrypts", async () => {
    const { provider, keys } = setUp();
    const [header] = (await headersOf(provider.ring, 1)) as [Buffer];
    await keys.forDecryption(header, header.length);
    rotate(provider.ring, "key-2", generateKey());
    provider.ring.remove("key-1", { force: true });
    expect(await codeThrownBy(() => keys.forDecryption(header, header.length))).toBe(KEY_NOT_FOUND);
  });
});

describe("refused headers", () => {
  async function forged() {
    const { provider, watch, keys } = setUp();
    const [genuine] = (await headersOf(provider.ring, 1)) as [Buffer];
    const header = Buffer.from(genuine);
    header.writeUInt8(header.readUInt8(20) ^ 1, 20);
    const open = () => codeThrownBy(() => keys.forDecryption(header, header.length));
    return { provider, watch, keys, genuine, header, open };
  }

  it("reach the provider once in 10 seconds and are refused the same way in between", async () => {
    const { provider, watch, open } = await forged();
    for (const ms of [0, 1, 5000, 9999]) {
      watch.ms = ms;
      expect(await open()).toBe(INTEGRITY);
    }
    expect(provider.unwraps).toBe(1);
    watch.ms = 10_000;
    expect(await open()).toBe(INTEGRITY);
    expect(provider.unwraps).toBe(2);
  });

  it("an unknown key is cached as unknown", async () => {
    const { provider, keys, genuine } = await forged();
    const header = Buffer.from(genuine);
    header.write("key-9", 1, "latin1");
    for (let round = 0; round < 3; round++) {
      const code = await codeThrownBy(() => keys.forDecryption(header, header.length));
      expect(code).toBe(KEY_NOT_FOUND);
    }
    expect(provider.unwraps).toBe(1);
  });

  it("do not affect the genuine header", async () => {
    const { keys, genuine, open } = await forged();
    await open();
    expect((await keys.forDecryption(genuine, genuine.length)).type).toBe("secret");
  });

  it("are forgotten when the ring changes: the key may be there now", async () => {
    const { provider, keys } = setUp();
    const late = KeyRing.from({ current: "late", keys: { late: pseudoRandomBytes(32, 42) } });
    const [header] = (await headersOf(late, 1)) as [Buffer];
    const open = () => codeThrownBy(() => keys.forDecryption(header, header.length));
    expect(await open()).toBe(KEY_NOT_FOUND);
    rotate(provider.ring, "late", pseudoRandomBytes(32, 42));
    expect(await open()).toBe("no error");
  });

  it("at most 256 are remembered, so that a flood of them costs no memory", async () => {
    const { provider, keys, genuine } = await forged();
    const attempt = async (mark: number) => {
      const header = Buffer.from(genuine);
      header.writeUInt32BE(mark, 20);
      await codeThrownBy(() => keys.forDecryption(header, header.length));
    };
    for (let mark = 0; mark < 257; mark++) await attempt(mark);
    expect(provider.unwraps).toBe(257);
    await attempt(256);
    expect(provider.unwraps).toBe(257);
    await attempt(0);
    expect(provider.unwraps).toBe(258);
  });

  it("every failure of a provider becomes one error without its text, and is not cached", async () => {
    const { provider, keys, genuine } = await forged();
    const trouble = new Error("the network is down");
    const network: { isDown: boolean } = { isDown: true };
    const flaky: KeyProvider = {
      durable: true,
      currentKeyId: () => "key-1",
      epoch: () => 0,
      wrap: (dataKey) => provider.wrap(dataKey),
      unwrap: (wrapped) => {
        if (network.isDown) throw trouble;
        return provider.unwrap(wrapped);
      },
    };
    const own = new DataKeys(flaky);
    const error = await thrownBy(() => own.forDecryption(genuine, genuine.length));
    expect(error).toMatchObject({
      code: "ERR_VAULT_KEY_SERVICE_UNAVAILABLE",
      providerError: trouble,
    });
    expect(inspect(error)).not.toContain("network");
    expect(JSON.stringify(error)).not.toContain("network");
    network.isDown = false;
    expect((await own.forDecryption(genuine, genuine.length)).type).toBe("secret");
    expect(await keys.forDecryption(genuine, genuine.length)).toBeDefined();
  });
});

describe("a provider that breaks its contract", () => {
  const withKeyId = (keyId: string, wrapped: Uint8Array = Buffer.alloc(72)): KeyProvider => ({
    durable: true,
    currentKeyId: () => keyId,
    epoch: () => 0,
    wrap: () => ({ keyId, wrapped }),
    unwrap: () => Buffer.alloc(32),
  });

  it("is refused at encryption where its wrapped key is too long to be stored", async () => {
    const keys = new DataKeys(withKeyId("key-1", Buffer.alloc(65_536)));
    expect(await codeThrownBy(() => keys.forEncryption())).toBe(
      "ERR_VAULT_KEY_SERVICE_UNAVAILABLE",
    );
  });

  it.each(["", "x".repeat(256), "x".repeat(300), "schlüssel-日"])(
    "is refused at encryption where no header can hold its key id, not at decryption: %j",
    async (keyId) => {
      const keys = new DataKeys(withKeyId(keyId));
      expect(await codeThrownBy(() => keys.forEncryption())).toBe(
        "ERR_VAULT_KEY_SERVICE_UNAVAILABLE",
      );
    },
  );
});

import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { generateKey, HandleVault, KeyRing, memoryCache } from "../../src/index.js";
import { PendingWrites } from "../../src/records/pending-writes.js";
import type { CacheBackend } from "../../src/vault/contracts.js";
import { overriding } from "../support/failing-cache.js";
import { FakeKms } from "../support/fake-kms.js";
import { rotate } from "../support/rotation.js";
import { OWNER, sealOptions } from "../support/vault.js";

/** Returns a promise that the test settles. */
function held() {
  let release: () => void = () => undefined;
  let refuse: (error: Error) => void = () => undefined;
  const until = new Promise<void>((resolve, reject) => {
    release = resolve;
    refuse = reject;
  });
  return { until, release: () => release(), refuse: (error: Error) => refuse(error) };
}

/** Returns a cache whose writes wait for the promise in `hold`. */
function holdingCache() {
  const memory = memoryCache();
  const control: { hold: Promise<void> | undefined; begun: number } = { hold: undefined, begun: 0 };
  const write = <T>(call: () => T | Promise<T>): T | Promise<T> => {
    control.begun += 1;
    return control.hold === undefined ? call() : control.hold.then(call);
  };
  const overrides: Partial<CacheBackend> = {
    insert: (key, record, options) => {
      const copy = { ...record, head: Uint8Array.from(record.head) };
      return write(() => memory.insert(key, copy, options));
    },
    replace: (key, head, options) => write(() => memory.replace(key, head, options)),
  };
  return { cache: overriding(memory, overrides), control };
}

/** Returns whether a promise is settled after all ready callbacks have run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  return settled;
}

const newRing = () => KeyRing.from({ current: "old", keys: { old: generateKey() } });

describe("a rewrap", () => {
  it("waits for a seal that began under the old key, so that the key can be removed", async () => {
    const { cache, control } = holdingCache();
    const ring = newRing();
    await using vault = new HandleVault({ cache, keys: ring });
    await vault.seal("opens the vault", sealOptions());
    const { until, release } = held();
    control.hold = until;
    const sealing = vault.seal("the only copy", sealOptions());
    rotate(ring, "new", generateKey());
    control.hold = undefined;
    const rewrapping = vault.rewrap();
    expect(await isSettled(rewrapping)).toBe(false);
    release();
    const report = await rewrapping;
    expect(report).toMatchObject({ visited: 2, rewrapped: 2, keyUsage: { new: 2 } });
    expect(ring.remove("old", report)).toBe(true);
    const { id } = await sealing;
    expect(await vault.unseal(id, OWNER)).toBe("the only copy");
  });

  it("waits for a change to a record that began under the old key", async () => {
    const { cache, control } = holdingCache();
    const ring = newRing();
    await using vault = new HandleVault({ cache, keys: ring });
    const { id } = await vault.seal("the only copy", sealOptions());
    const begunBefore = control.begun;
    const { until, release } = held();
    control.hold = until;
    const renewing = vault.renew(id, 60, { by: OWNER });
    while (control.begun === begunBefore) await nextTurn();
    rotate(ring, "new", generateKey());
    control.hold = undefined;
    const rewrapping = vault.rewrap();
    expect(await isSettled(rewrapping)).toBe(false);
    release();
    await renewing;
    expect(ring.remove("old", await rewrapping)).toBe(true);
    expect(await vault.unseal(id, OWNER)).toBe("the only copy");
  });

  it("waits for a seal whose key service has not answered yet", async () => {
    const keys = new FakeKms();
    await using vault = new HandleVault({ keys, keyTimeoutMs: 2 ** 31 - 1 });
    await vault.getSafeView(`hdl_${"0".repeat(32)}`).catch(() => undefined);
    const release = keys.hold();
    const sealing = vault.seal("the only copy", sealOptions());
    while (keys.wraps === 0) await nextTurn();
    keys.rotate("kms-2");
    const rewrapping = vault.rewrap();
    expect(await isSettled(rewrapping)).toBe(false);
    release();
    const { keyUsage } = await rewrapping;
    expect(keyUsage).toEqual({ "kms-2": 1 });
    keys.remove("kms-1");
    expect(await vault.unseal((await sealing).id, OWNER)).toBe("the only copy");
  });

  it("waits for the writes of other vaults in this process that have the same keys", async () => {
    const { cache, control } = holdingCache();
    const ring = newRing();
    const [one, other] = [cache, cache].map((each) => new HandleVault({ cache: each, keys: ring }));
    if (one === undefined || other === undefined) throw new Error("no vaults");
    await other.seal("opens the vault", sealOptions());
    const { until, release } = held();
    control.hold = until;
    const sealing = other.seal("the only copy", sealOptions());
    rotate(ring, "new", generateKey());
    control.hold = undefined;
    const rewrapping = one.rewrap();
    expect(await isSettled(rewrapping)).toBe(false);
    release();
    ring.remove("old", await rewrapping);
    expect(await other.unseal((await sealing).id, OWNER)).toBe("the only copy");
    await one.close();
    await other.close();
  });

  it("does not wait for writes that begin after it, nor for those of vaults with other keys", async () => {
    const { cache, control } = holdingCache();
    const keys = newRing();
    await using vault = new HandleVault({ cache, keys });
    await using stranger = new HandleVault({ cache, keys: newRing() });
    await Promise.all([vault, stranger].map((each) => each.seal("opens it", sealOptions())));
    const [first, later] = [held(), held()];
    control.hold = later.until;
    const unrelated = stranger.seal("elsewhere", sealOptions());
    control.hold = first.until;
    const before = vault.seal("before", sealOptions());
    const rewrapping = vault.rewrap();
    control.hold = later.until;
    const after = vault.seal("after", sealOptions());
    first.release();
    await before;
    await rewrapping;
    later.release();
    expect(await vault.unseal((await after).id, OWNER)).toBe("after");
    await unrelated;
  });

  it("ends its wait when the vault is closed", async () => {
    const { cache, control } = holdingCache();
    const vault = new HandleVault({ cache, keys: newRing() });
    await vault.seal("opens the vault", sealOptions());
    const { until, release } = held();
    control.hold = until;
    const sealing = vault.seal("never answered", sealOptions());
    const rewrapping = vault.rewrap();
    const refused = expect(rewrapping).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
    await vault.close();
    await refused;
    release();
    await sealing.catch(() => undefined);
  });
});

describe("pending writes", () => {
  it("end when they fail, synchronously or later", async () => {
    const pending = new PendingWrites();
    const fail = () => {
      throw new Error("refused");
    };
    expect(() => pending.run(fail)).toThrow("refused");
    const { until, refuse } = held();
    const failing = Promise.resolve(pending.run(() => until));
    const waiting = pending.begunSettled();
    expect(await isSettled(waiting)).toBe(false);
    refuse(new Error("refused later"));
    await expect(failing).rejects.toThrow("refused later");
    await waiting;
  });

  it("are waited for by every wait that began after them", async () => {
    const pending = new PendingWrites();
    const [first, second] = [held(), held()];
    const one = pending.run(() => first.until);
    const afterFirst = pending.begunSettled();
    const other = pending.run(() => second.until);
    const afterBoth = pending.begunSettled();
    second.release();
    expect(await isSettled(afterBoth)).toBe(false);
    first.release();
    await Promise.all([one, other, afterFirst, afterBoth]);
    await pending.begunSettled();
  });
});

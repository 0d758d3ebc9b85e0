/** Data keys belong to a context: a tenant and a purpose. */
import { describe, expect, it } from "vitest";
import {
  aes256GcmEncryptor,
  generateKey,
  HandleVault,
  type KeyContext,
  type KeyProvider,
  KeyRing,
  memoryCache,
  VaultCodec,
  type WrappedKey,
} from "../../src/index.js";
import { codeThrownBy } from "../support/refusals.js";
import { OWNER, sealOptions } from "../support/vault.js";

const INTEGRITY = "ERR_VAULT_RECORD_INTEGRITY";
const DATA_KEY = Buffer.alloc(32, 7);
const ring = () => KeyRing.from({ current: "k", keys: { k: generateKey() } });

/** A provider with a ring for each tenant, which notes its calls. */
class RingPerTenant implements KeyProvider {
  readonly durable = true;
  readonly calls: string[] = [];
  readonly #rings = new Map<string, KeyRing>();
  readonly #epochs = new Map<string, number>();

  ringOf({ tenant = "none" }: KeyContext): KeyRing {
    const known = this.#rings.get(tenant);
    if (known !== undefined) return known;
    const made = KeyRing.from({ current: `${tenant}.1`, keys: { [`${tenant}.1`]: generateKey() } });
    this.#rings.set(tenant, made);
    return made;
  }

  rotate(tenant: string): void {
    this.#epochs.set(tenant, (this.#epochs.get(tenant) ?? 0) + 1);
  }

  currentKeyId(context: KeyContext): string {
    return this.ringOf(context).currentKeyId();
  }

  epoch({ tenant = "none" }: KeyContext): number {
    return this.#epochs.get(tenant) ?? 0;
  }

  wrap(dataKey: Uint8Array, context: KeyContext): WrappedKey {
    this.calls.push(`wrap ${context.tenant ?? "none"} ${context.purpose}`);
    return this.ringOf(context).wrap(dataKey, context);
  }

  unwrap(wrapped: WrappedKey, context: KeyContext): Uint8Array {
    this.calls.push(`unwrap ${context.tenant ?? "none"}`);
    return this.ringOf(context).unwrap(wrapped, context);
  }
}

describe("a key that a ring wraps", () => {
  it("for a record is bound to the key's id alone, as version 1 of the format has it", () => {
    const keys = ring();
    const wrapped = keys.wrap(DATA_KEY, { purpose: "record", tenant: "a" });
    expect(wrapped.wrapped.length).toBe(72);
    expect(keys.unwrap(wrapped, { purpose: "record", tenant: "b" })).toEqual(DATA_KEY);
    expect(keys.unwrap(wrapped)).toEqual(DATA_KEY);
  });

  it("for another purpose is refused in every other context", async () => {
    const keys = ring();
    const contexts: KeyContext[] = [
      { purpose: "audit" },
      { purpose: "tokens" },
      { purpose: "audit", tenant: "a" },
      { purpose: "audit", tenant: "b" },
      { purpose: "audit", version: 1 },
      { purpose: "audit", version: 2 },
      { purpose: "audit", tenant: "a", version: 1 },
      { purpose: "audit", tenant: "1" },
      { purpose: "audit", tenant: 'a",1,"' },
      { purpose: "record" },
    ];
    for (const made of contexts) {
      const wrapped = keys.wrap(DATA_KEY, made);
      for (const asked of contexts) {
        if (asked === made) expect(keys.unwrap(wrapped, asked)).toEqual(DATA_KEY);
        else expect(await codeThrownBy(() => keys.unwrap(wrapped, asked))).toBe(INTEGRITY);
      }
    }
  });

  it("has a purpose that is a name", () => {
    for (const purpose of ["", "Audit", "a b", "x".repeat(33)]) {
      expect(() => ring().wrap(DATA_KEY, { purpose })).toThrow(RangeError);
    }
  });
});

describe("the data keys of tenants", () => {
  const vaultOf = (keys: KeyProvider, tenant?: string, cache = memoryCache()) =>
    new HandleVault({ cache, tenant, keys });

  it("are asked for in the context of their tenant", async () => {
    const keys = new RingPerTenant();
    await vaultOf(keys).seal(1, sealOptions());
    await vaultOf(keys, "acme").seal(1, sealOptions());
    expect(keys.calls).toEqual(["wrap none record", "wrap acme record"]);
  });

  it("are not taken from what another tenant has opened", async () => {
    const keys = new RingPerTenant();
    const encryptor = aes256GcmEncryptor({ keys });
    const context = (tenant: string) =>
      ({ block: "head", version: 1, flags: 0, lookupId: "x", tenant }) as const;
    const sealed = await encryptor.encrypt(Buffer.from("text"), context("acme"));
    expect(Buffer.from(await encryptor.decrypt(sealed, context("acme"))).toString()).toBe("text");
    const stolen = await codeThrownBy(() => encryptor.decrypt(sealed, context("other")));
    expect(stolen).toBe("ERR_VAULT_KEY_NOT_FOUND");
    expect(keys.calls).toEqual(["wrap acme record", "unwrap other"]);
  });

  it("stay in use when another tenant's keys change", async () => {
    const keys = new RingPerTenant();
    const codec = new VaultCodec({ encryptor: aes256GcmEncryptor({ keys }) });
    const open = (tenant: string) => new HandleVault({ codec, tenant });
    const [acme, other] = [open("acme"), open("other")];
    const { id } = await acme.seal("text", sealOptions());
    await other.seal("text", sealOptions());
    keys.rotate("other");
    await acme.seal("more", sealOptions());
    expect(await acme.unseal(id, OWNER)).toBe("text");
    await other.seal("more", sealOptions());
    expect(keys.calls).toEqual(["wrap acme record", "wrap other record", "wrap other record"]);
  });

  it("a record that was moved to another tenant is refused under one ring, too", async () => {
    const [keys, cache] = [ring(), memoryCache()];
    const { id } = await vaultOf(keys, "acme", cache).seal("text", sealOptions());
    const opening = vaultOf(keys, "other", cache).unseal(id, OWNER);
    await expect(opening).rejects.toMatchObject({ code: INTEGRITY });
  });
});

describe("a vault with a tenant", () => {
  it("deletes no record of another tenant, or of none", async () => {
    const [keys, cache] = [ring(), memoryCache()];
    const open = (tenant?: string) => new HandleVault({ cache, keys, tenant });
    const [acme, other, untenanted] = [open("acme"), open("other"), open()];
    for (const owner of [other, untenanted]) {
      const { id } = await owner.seal("text", sealOptions());
      await expect(acme.invalidate(id)).rejects.toMatchObject({ code: INTEGRITY });
      await expect(acme.invalidate(id, OWNER)).rejects.toMatchObject({ code: INTEGRITY });
      expect(await owner.unseal(id, OWNER)).toBe("text");
      await owner.invalidate(id);
      expect(await codeThrownBy(() => owner.unseal(id, OWNER))).toBe("ERR_VAULT_HANDLE_NOT_FOUND");
    }
    await acme.invalidate(`hdl_${"0".repeat(32)}`);
  });
});

describe("a provider that rewraps by itself", () => {
  it("moves the records of a tenant without handing out a data key", async () => {
    const keys = ring();
    const asked: unknown[] = [];
    const service: KeyProvider = {
      durable: true,
      currentKeyId: () => keys.currentKeyId(),
      epoch: () => keys.epoch(),
      wrap: (dataKey) => keys.wrap(dataKey),
      unwrap: () => {
        throw new Error("the data key was handed out");
      },
      rewrap(wrapped, context) {
        asked.push(context);
        return wrapped.keyId === keys.currentKeyId() ? undefined : keys.wrap(keys.unwrap(wrapped));
      },
    };
    const cache = memoryCache();
    const vault = new HandleVault({ cache, keys: service, tenant: "acme" });
    await vault.seal("text", sealOptions());
    keys.add("next", generateKey());
    keys.promote("next");
    expect(await vault.rewrap()).toMatchObject({ rewrapped: 1, failed: 0, keyUsage: { next: 1 } });
    expect(asked).toEqual([{ purpose: "record", tenant: "acme" }]);
    const other = new HandleVault({ cache, keys, tenant: "acme" });
    expect((await other.rewrap()).rewrapped).toBe(0);
  });
});

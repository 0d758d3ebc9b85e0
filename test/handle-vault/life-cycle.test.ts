import { describe, expect, it } from "vitest";
import { asynchronous, overriding } from "../support/failing-cache.js";
import {
  type CacheBackend,
  CacheFullError,
  CacheUnsafeError,
  fernetEncryptor,
  generateFernetKey,
  generateKey,
  HandleVault,
  KeyRing,
  memoryCache,
  plaintextEncryptor,
  VaultCodec,
} from "../support/modules.js";
import { OWNER, sealOptions, vaultWithClock } from "../support/vault.js";

const CLOSED = { code: "ERR_VAULT_CLOSED" };
const UNAVAILABLE = { code: "ERR_VAULT_CACHE_UNAVAILABLE" };
const DURABLE = { durability: "disk", evicts: false } as const;

describe("a closed vault", () => {
  it("refuses every call, and may be closed again", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    await vault.close();
    await vault.close();
    const by = { by: OWNER };
    const calls = [
      vault.seal("x", sealOptions()),
      vault.unseal(id, OWNER),
      vault.getSafeView(id),
      vault.describe(id, OWNER),
      vault.invalidate(id),
      vault.grant(id, "p", by),
      vault.revoke(id, "p", by),
      vault.renew(id, 1, by),
      vault.purgeExpired(),
      vault.rewrap(),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject(CLOSED);
    const [outcome] = await vault.unsealMany([{ id, requestingPrincipal: OWNER }]);
    expect(outcome).toMatchObject({ ok: false, error: CLOSED });
  });

  it("is the result of `await using`", async () => {
    const vault = new HandleVault();
    await vault[Symbol.asyncDispose]();
    await expect(vault.getSafeView("id")).rejects.toMatchObject(CLOSED);
  });

  it("closes its cache, once", async () => {
    let closed = 0;
    const memory = memoryCache();
    const cache = overriding(memory, {
      close: () => {
        closed += 1;
      },
    });
    const vault = new HandleVault({ cache });
    await vault.close();
    await vault.close();
    expect(closed).toBe(1);
  });

  it("stays closed when it was closed while it was being made ready", async () => {
    const vault = new HandleVault({ cache: asynchronous(memoryCache()) });
    const sealing = vault.seal("secret", sealOptions());
    await vault.close();
    await expect(sealing).rejects.toThrow();
    await expect(vault.seal("secret", sealOptions())).rejects.toMatchObject(CLOSED);
  });
});

describe("a cache that outlives the process or is shared", () => {
  it.each([
    ["outlives the process", { outlivesProcess: true }],
    ["is shared", { shared: true }],
  ])("is refused with keys that do not last, if it %s", async (_, traits) => {
    const cache = overriding(memoryCache(), { ...traits, ready: () => DURABLE });
    const ephemeral = [{ cache }, { cache, keys: KeyRing.ephemeral() }];
    for (const options of ephemeral) {
      expect(() => new HandleVault(options)).toThrow(/KeyRing/);
    }
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    expect(() => new HandleVault({ cache, keys })).not.toThrow();
  });

  it.each([
    ["evicts", { durability: "disk", evicts: true }],
    ["keeps nothing", { durability: "none", evicts: false }],
  ] as const)("is refused when it %s, unless acceptVolatile is set", async (_, capabilities) => {
    const memory = memoryCache();
    const ready = () => {
      void memory.ready();
      return capabilities;
    };
    const cache = overriding(memory, { shared: true, ready });
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    const careful = new HandleVault({ cache, keys });
    const refusal = careful.seal("secret", sealOptions());
    await expect(refusal).rejects.toMatchObject({
      code: "ERR_VAULT_CACHE_UNSAFE",
      reason: "volatile-cache",
    });
    const accepting = new HandleVault({ cache, keys, acceptVolatile: true });
    await expect(accepting.seal("secret", sealOptions())).resolves.toBeDefined();
  });
});

describe("a missing body of an existing record", () => {
  it.each([
    [true, "ERR_VAULT_HANDLE_EVICTED"],
    [false, "ERR_VAULT_RECORD_INTEGRITY"],
  ])("counts as evicted only if the cache evicts (%s)", async (evicts, code) => {
    const memory = memoryCache();
    const cache = overriding(memory, {
      ready: () => {
        void memory.ready();
        return { durability: "none", evicts };
      },
      getBody: () => undefined,
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("x".repeat(5000), sealOptions({ maxUses: 1 }));
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({ code });
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({ code });
    await vault.close();
  });
});

describe("a lasting cache whose promises become weaker", () => {
  it.each([false, true])(
    "is made ready again, and checked again (accepted: %s)",
    async (accepted) => {
      const memory = memoryCache();
      let durability: "disk" | "none" = "disk";
      let promised: "disk" | "none" = "none";
      const cache = overriding(memory, {
        shared: true,
        ready: () => {
          void memory.ready();
          promised = durability;
          return { durability, evicts: false };
        },
        insert: (key, record, options) => {
          if (promised !== durability) throw new CacheUnsafeError("volatile-cache");
          return memory.insert(key, record, options);
        },
      });
      const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
      const vault = new HandleVault({ cache, keys, acceptVolatile: accepted });
      const { id } = await vault.seal("kept", sealOptions());
      durability = "none";
      const unsafe = { code: "ERR_VAULT_CACHE_UNSAFE", reason: "volatile-cache" };
      await expect(vault.seal("x", sealOptions())).rejects.toMatchObject(unsafe);
      const next = vault.seal("x", sealOptions());
      if (accepted) await expect(next).resolves.toBeDefined();
      else await expect(next).rejects.toMatchObject(unsafe);
      durability = "disk";
      await expect(vault.unseal(id, OWNER)).resolves.toBe("kept");
      await vault.close();
    },
  );
});

describe("a cache that fails", () => {
  it("is retried by the next call if it was not ready", async () => {
    const memory = memoryCache();
    let attempts = 0;
    const cache = overriding(memory, {
      ready: () => {
        attempts += 1;
        if (attempts === 1) throw new CacheFullError();
        return memory.ready();
      },
    });
    const vault = new HandleVault({ cache });
    await expect(vault.seal("x", sealOptions())).rejects.toMatchObject({
      code: "ERR_VAULT_CACHE_FULL",
    });
    await expect(vault.seal("x", sealOptions())).resolves.toBeDefined();
    expect(attempts).toBe(2);
  });

  it.each([
    [
      "synchronously",
      (error: Error): never => {
        throw error;
      },
    ],
    ["asynchronously", (error: Error): Promise<never> => Promise.reject(error)],
  ])("%s never looks like a miss: a read is unavailable, a write unknown", async (_, fail) => {
    const memory = memoryCache();
    let isDown = false;
    const guarded = (real: () => unknown): never =>
      (isDown ? fail(new Error("ECONNRESET")) : real()) as never;
    const cache: CacheBackend = overriding(memory, {
      get: (key) => guarded(() => memory.get(key)),
      delete: (key) => guarded(() => memory.delete(key)),
      insert: (key, record, options) => guarded(() => memory.insert(key, record, options)),
      scan: (cursor) => guarded(() => memory.scan(cursor)),
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions());
    isDown = true;
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject(UNAVAILABLE);
    await expect(vault.rewrap()).rejects.toMatchObject(UNAVAILABLE);
    const unknown = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
    await expect(vault.invalidate(id)).rejects.toMatchObject(unknown);
    await expect(vault.seal("x", sealOptions())).rejects.toMatchObject(unknown);
    isDown = false;
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });

  it("passes the library's own errors on unchanged", async () => {
    const vault = new HandleVault({ cache: memoryCache({ maxEntries: 1 }) });
    await vault.seal("first", sealOptions());
    await expect(vault.seal("second", sealOptions())).rejects.toBeInstanceOf(CacheFullError);
  });

  it("gives up when every new id is taken", async () => {
    const vault = new HandleVault({ cache: overriding(memoryCache(), { insert: () => "exists" }) });
    await expect(vault.seal("x", sealOptions())).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe("a vault works the same", () => {
  const ring = () => KeyRing.from({ current: "k", keys: { k: generateKey() } });
  it.each([
    ["on an asynchronous cache", () => ({ cache: asynchronous(memoryCache()), keys: ring() })],
    [
      "with Fernet",
      () => ({
        codec: new VaultCodec({ encryptor: fernetEncryptor({ keys: [generateFernetKey()] }) }),
      }),
    ],
    ["in plaintext", () => ({ codec: new VaultCodec({ encryptor: plaintextEncryptor() }) })],
    ["for a tenant", () => ({ tenant: "acme" })],
  ])("%s", async (_, options) => {
    const vault = new HandleVault(options());
    for (const data of [{ a: [1, null] }, "t".repeat(9000), new Uint8Array([0, 255])]) {
      const { id } = await vault.seal(data, sealOptions({ maxUses: 3 }));
      await vault.grant(id, "new", { by: OWNER });
      expect(await vault.unseal(id, "new")).toStrictEqual(data);
      expect((await vault.describe(id, OWNER)).usesLeft).toBe(2);
      await vault.invalidate(id, OWNER);
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_HANDLE_NOT_FOUND",
      });
    }
  });
});

describe("a handle that expires while its body is being read", () => {
  it.each([undefined, 2])("returns no payload, and counts no use (maxUses %s)", async (maxUses) => {
    const memory = memoryCache();
    const { clock, ...rest } = vaultWithClock({
      cache: overriding(memory, {
        getBody: async (key) => {
          clock.advanceSeconds(isSlow ? 100 : 0);
          return memory.getBody(key);
        },
      }),
    });
    let isSlow = false;
    const data = "x".repeat(9000);
    const { id } = await rest.vault.seal(data, sealOptions({ ttlSeconds: 60, maxUses }));
    expect(await rest.vault.unseal(id, OWNER)).toBe(data);
    isSlow = true;
    await expect(rest.vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXPIRED",
    });
  });
});

describe("a cache with unusual results", () => {
  it("may return promises of another kind", async () => {
    const memory = memoryCache();
    const thenable = <T>(value: T) =>
      ({
        // biome-ignore lint/suspicious/noThenProperty: the test needs a promise of another kind.
        then: (resolve: (value: T) => unknown) => void resolve(value),
      }) as unknown as Promise<T>;
    const cache = overriding(memory, {
      insert: (key, record, options) =>
        thenable(memory.insert(key, record, options)) as Promise<"inserted">,
      get: (key) => thenable(memory.get(key)) as never,
    });
    const vault = new HandleVault({ cache });
    const { id } = await vault.seal("secret", sealOptions());
    expect(await vault.unseal(id, OWNER)).toBe("secret");
    expect((await memory.scan()).entries).toHaveLength(1);
  });

  it("cannot make purging go on for ever", async () => {
    const cache = overriding(memoryCache(), { purgeExpired: () => Number.NaN });
    expect(await new HandleVault({ cache }).purgeExpired()).toBeNaN();
  });

  it("is reported as unavailable if it cannot be made ready", async () => {
    const cache = overriding(memoryCache(), {
      ready: () => {
        throw new Error("redis://:password@10.0.0.1");
      },
    });
    const vault = new HandleVault({ cache });
    await expect(vault.seal("x", sealOptions())).rejects.toMatchObject(UNAVAILABLE);
  });
});

describe("bytes with a false length", () => {
  it("are sealed by their true length, without neighbouring memory", async () => {
    const vault = new HandleVault();
    await vault.seal("Alice's secret ".repeat(50), sealOptions());
    for (const length of [1, 4000]) {
      const lying = Object.defineProperty(new Uint8Array([7, 8, 9]), "length", { value: length });
      const { id } = await vault.seal(lying, sealOptions());
      expect(await vault.unseal(id, OWNER)).toStrictEqual(new Uint8Array([7, 8, 9]));
    }
  });
});

describe("tenants", () => {
  it("cannot read each other's records although cache and keys are the same", async () => {
    const cache = memoryCache();
    const keys = KeyRing.ephemeral();
    const acme = new HandleVault({ cache, keys, tenant: "acme" });
    const { id } = await acme.seal("secret", sealOptions());
    for (const tenant of ["other", undefined]) {
      const foreign = new HandleVault({ cache, keys, tenant });
      await expect(foreign.unseal(id, OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_RECORD_INTEGRITY",
      });
    }
  });
});

describe("purgeExpired", () => {
  it("distinguishes expired from not found for a minute, whether or not it runs", async () => {
    const time = { elapsedMs: 0 };
    const { vault, clock } = vaultWithClock({
      cache: memoryCache({ elapsedMs: () => time.elapsedMs }),
    });
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 10 }));
    const kept = await vault.seal("kept", sealOptions({ ttlSeconds: 1000 }));
    const advance = (seconds: number) => {
      time.elapsedMs += seconds * 1000;
      clock.advanceSeconds(seconds);
    };
    advance(69);
    expect(await vault.purgeExpired()).toBe(0);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_EXPIRED",
    });
    advance(2);
    expect(await vault.purgeExpired()).toBe(1);
    await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
    expect(await vault.unseal(kept.id, OWNER)).toBe("kept");
  });

  it("removes any number, batch by batch", async () => {
    const time = { elapsedMs: 0 };
    const vault = new HandleVault({ cache: memoryCache({ elapsedMs: () => time.elapsedMs }) });
    for (let count = 0; count < 2500; count++) {
      await vault.seal(count, sealOptions({ ttlSeconds: 0 }));
    }
    time.elapsedMs = 61_000;
    expect(await vault.purgeExpired()).toBe(2500);
    expect(await vault.purgeExpired()).toBe(0);
  });
});

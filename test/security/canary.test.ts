import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { overriding } from "../support/failing-cache.js";
import {
  type CacheBackend,
  fernetEncryptor,
  generateFernetKey,
  generateKey,
  HandleVault,
  KeyRing,
  lruCache,
  memoryCache,
  VaultCodec,
} from "../support/modules.js";

const CANARY = {
  payload: "canary-payload-91d2",
  owner: "spiffe://canary-owner-77ab",
  grantee: "spiffe://canary-grantee-05fe",
  safeView: "canary safe view 3c40",
};
const OPTIONS = {
  ownerPrincipal: CANARY.owner,
  grantedPrincipals: [CANARY.grantee],
  safeView: CANARY.safeView,
};

/** Returns all texts of a value that a log, a debugger or a serializer would show. */
function shown(value: unknown): string {
  const parts = [inspect(value, { depth: 9, showHidden: true }), String(value)];
  try {
    parts.push(JSON.stringify(value) ?? "");
  } catch {
    // A value that cannot be JSON shows nothing in this form.
  }
  for (let error = value; error instanceof Error; error = error.cause) {
    parts.push(error.message, error.stack ?? "", inspect(error, { showHidden: true }));
  }
  return parts.join("\n");
}

function expectNoCanary(value: unknown, canaries: readonly string[]): void {
  const text = shown(value);
  for (const canary of canaries) expect(text).not.toContain(canary);
}

describe("no canary shows", () => {
  it("in any object of the library", async () => {
    const secretKey = generateKey();
    const fernetKey = generateFernetKey();
    const ring = KeyRing.from({ current: "k", keys: { k: secretKey } });
    const cache = memoryCache();
    const codec = new VaultCodec();
    const vault = new HandleVault({ cache, keys: ring, codec });
    const handle = await vault.seal({ secret: CANARY.payload }, OPTIONS);
    await vault.unseal(handle.id, CANARY.owner);
    const canaries = [...Object.values(CANARY), handle.id, secretKey, fernetKey];
    const evicting = lruCache({ maxEntries: 1 });
    const second = new HandleVault({ cache: evicting });
    await second.seal(CANARY.payload, OPTIONS);
    const fernet = fernetEncryptor({ keys: [fernetKey] });
    for (const object of [vault, second, cache, evicting, codec, ring, fernet]) {
      expectNoCanary(object, canaries);
    }
    const page = await cache.scan();
    expectNoCanary(page, [...canaries]);
    // JSON.stringify of a handle is its wire form, which contains the principals intentionally.
    expect(inspect(handle, { showHidden: true })).not.toMatch(/canary|hdl_/);
  });

  it("in any error of a vault", async () => {
    let nowMs = 1_000_000;
    const vault = new HandleVault({ clock: { now: () => nowMs } });
    const one = { ...OPTIONS, maxUses: 1 };
    const { id } = await vault.seal(CANARY.payload, one);
    await vault.unseal(id, CANARY.owner);
    const canaries = [...Object.values(CANARY), id];
    const calls: (() => Promise<unknown>)[] = [
      () => vault.unseal(id, CANARY.grantee),
      () => vault.unseal(id, `${CANARY.owner}-not`),
      () => vault.describe(id, `${CANARY.owner}-not`),
      () => vault.grant(id, "p", { by: CANARY.grantee }),
      () => vault.invalidate(id, CANARY.grantee),
      () => vault.seal({ [CANARY.payload]: { ok: () => CANARY.payload } }, OPTIONS),
      () => vault.seal({ text: Symbol(CANARY.payload) }, OPTIONS),
      () => vault.seal("x", { ...OPTIONS, ownerPrincipal: `${CANARY.owner}\n` }),
      () => vault.seal("x", { ...OPTIONS, safeView: CANARY.safeView.repeat(999) }),
      () => vault.seal("x", { ...OPTIONS, ttlSeconds: CANARY.payload as never }),
      () => vault.seal("x", { ...OPTIONS, [CANARY.safeView]: 1 } as never),
      () => vault.unseal(CANARY.payload, CANARY.owner),
      () => {
        nowMs += 1e9;
        return vault.unseal(id, CANARY.owner);
      },
    ];
    for (const call of calls) {
      const error = await call().then(
        () => expect.unreachable("the call should have failed"),
        (reason: unknown) => reason,
      );
      expectNoCanary(error, canaries);
    }
  });

  it("in an error about a payload that was damaged after decryption", async () => {
    const serializer = {
      id: 200,
      serialize: (data: unknown) => JSON.stringify(data),
      deserialize: (bytes: Buffer) => {
        throw new Error(`cannot parse ${bytes.toString()}`);
      },
    };
    const vault = new HandleVault({ codec: new VaultCodec({ serializer }) });
    const { id } = await vault.seal({ secret: CANARY.payload }, OPTIONS);
    const error = await vault.unseal(id, CANARY.owner).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_VAULT_RECORD_INTEGRITY" });
    expectNoCanary(error, Object.values(CANARY));
  });
});

describe.each([
  ["a small payload", CANARY.payload],
  ["a detached payload", CANARY.payload.repeat(500)],
])("with %s", (_, data) => {
  it("no byte that a cache receives contains payload, owner, grantee, safe view or handle id", async () => {
    const given: Buffer[] = [];
    const vault = new HandleVault({ cache: recording(memoryCache(), given) });
    const { id } = await vault.seal(data, { ...OPTIONS, maxUses: 3 });
    await vault.grant(id, `${CANARY.grantee}-2`, { by: CANARY.owner });
    await vault.renew(id, 500, { by: CANARY.owner });
    for (let use = 0; use < 3; use++) await vault.unseal(id, CANARY.grantee);
    await vault.invalidate(id);
    const everything = Buffer.concat(given);
    expect(given.length).toBeGreaterThan(12);
    for (const canary of [...Object.values(CANARY), id, id.slice(4)]) {
      for (const encoding of ["utf8", "hex", "base64", "base64url", "utf16le"] as const) {
        const needle = Buffer.from(canary).toString(encoding === "utf16le" ? "utf8" : encoding);
        expect(everything.includes(needle, 0, encoding === "utf16le" ? "utf16le" : "utf8")).toBe(
          false,
        );
      }
    }
    expect(everything.includes(Buffer.from(id.slice(4), "hex"))).toBe(false);
  });
});

/** Returns the cache, wrapped to copy every key and value that it receives. */
function recording(cache: CacheBackend, given: Buffer[]): CacheBackend {
  const keep = (key: string, ...values: (Uint8Array | undefined)[]) => {
    given.push(Buffer.from(key), ...values.map((value) => Buffer.from(value ?? [])));
  };
  return overriding(cache, {
    insert: (key, record, options) => {
      keep(key, record.head, record.body);
      return cache.insert(key, record, options);
    },
    replace: (key, head, options) => {
      keep(key, head);
      return cache.replace(key, head, options);
    },
    get: (key) => {
      keep(key);
      return cache.get(key);
    },
  });
}

import { describe, expect, it } from "vitest";
import { overriding } from "../support/failing-cache.js";
import {
  fernetEncryptor,
  generateFernetKey,
  HandleVault,
  KeyRing,
  memoryCache,
  VaultCodec,
} from "../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../support/vault.js";

const CANARY = "canary-5f0c";
const LONG = "x".repeat(1025);

describe("seal refuses before any work, and names the parameter but never its value:", () => {
  it.each<[string, unknown, new () => Error, RegExp]>([
    ["no options", undefined, TypeError, /^options/],
    ["options that are text", CANARY, TypeError, /^options/],
    ["an unknown option", { ...sealOptions(), ttl: 5 }, TypeError, /unknown option: ttl/],
    [
      "a value for a name",
      { ...sealOptions(), [`${CANARY} ssn`]: 1 },
      TypeError,
      /not an identifier/,
    ],
    ["no owner", { safeView: "" }, TypeError, /^ownerPrincipal/],
    ["an empty owner", sealOptions({ ownerPrincipal: "" }), RangeError, /^ownerPrincipal/],
    ["an oversized owner", sealOptions({ ownerPrincipal: LONG }), RangeError, /^ownerPrincipal/],
    ["a control character", sealOptions({ ownerPrincipal: `a\n${CANARY}` }), RangeError, /^ownerP/],
    ["a lone surrogate", sealOptions({ ownerPrincipal: "a\ud800" }), RangeError, /^ownerPrincipal/],
    ["a number for an owner", sealOptions({ ownerPrincipal: 5 as never }), TypeError, /^ownerP/],
    [
      "grantees as text",
      sealOptions({ grantedPrincipals: CANARY as never }),
      TypeError,
      /^granted/,
    ],
    ["an empty grantee", sealOptions({ grantedPrincipals: [GRANTEE, ""] }), RangeError, /\[1\]/],
    ["257 grantees", sealOptions({ grantedPrincipals: names(257) }), RangeError, /^grantedPrin/],
    ["no safe view", { ownerPrincipal: OWNER }, TypeError, /safeView or summarizer$/],
    [
      "a safe view over 4 KiB",
      sealOptions({ safeView: "é".repeat(2049) }),
      RangeError,
      /^safeView/,
    ],
    ["an ill-formed safe view", sealOptions({ safeView: "\udfff" }), RangeError, /^safeView/],
    ["a negative ttl", sealOptions({ ttlSeconds: -1 }), RangeError, /^ttlSeconds/],
    ["a ttl of NaN", sealOptions({ ttlSeconds: Number.NaN }), RangeError, /^ttlSeconds/],
    ["an infinite ttl", sealOptions({ ttlSeconds: Infinity }), RangeError, /^ttlSeconds/],
    ["a ttl beyond a century", sealOptions({ ttlSeconds: 1e18 }), RangeError, /^ttlSeconds/],
    ["a ttl as text", sealOptions({ ttlSeconds: "300" as never }), TypeError, /^ttlSeconds/],
    ["maxUses 0", sealOptions({ maxUses: 0 }), RangeError, /^maxUses/],
    ["a fraction of a use", sealOptions({ maxUses: 1.5 }), RangeError, /^maxUses/],
    ["maxUses as text", sealOptions({ maxUses: "1" as never }), TypeError, /^maxUses/],
    ["maxUses beyond the record's", sealOptions({ maxUses: 2 ** 32 }), RangeError, /^maxUses/],
  ])("%s", async (_, options, Kind, message) => {
    const { vault, calls } = untouched();
    const refusal = await vault.seal({}, options as never).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Kind);
    expect((refusal as Error).message).toMatch(message);
    expect((refusal as Error).message).not.toContain(CANARY);
    expect(calls).toEqual([]);
  });

  it("options from a polluted prototype", async () => {
    const { vault } = untouched();
    const prototype = Object.prototype as { grantedPrincipals?: string[] };
    prototype.grantedPrincipals = ["mallory"];
    try {
      const own = { ownerPrincipal: OWNER, safeView: "" };
      await expect(vault.seal("secret", own)).rejects.toThrow(/inherits an option/);
    } finally {
      delete prototype.grantedPrincipals;
    }
  });

  it("data that JSON would change", async () => {
    const { vault } = untouched();
    const refusal = vault.seal({ list: [1, undefined] }, sealOptions());
    await expect(refusal).rejects.toThrow(/^data\.list\[1\] is undefined/);
    await expect(vault.seal(undefined, sealOptions())).rejects.toThrow(TypeError);
  });
});

describe("the other methods refuse", () => {
  it.each<[string, (vault: HandleVault) => Promise<unknown>, RegExp]>([
    ["unseal an empty principal", (v) => v.unseal("id", ""), /^requestingPrincipal/],
    ["describe no principal", (v) => v.describe("id", undefined as never), /^requestingPrincipal/],
    ["invalidate an empty principal", (v) => v.invalidate("id", ""), /^requestingPrincipal/],
    ["grant an empty principal", (v) => v.grant("id", "", { by: OWNER }), /^principal/],
    ["grant no options", (v) => v.grant("id", GRANTEE, undefined as never), /^options/],
    ["revoke no by", (v) => v.revoke("id", GRANTEE, {} as never), /^by/],
    [
      "revoke an unknown option",
      (v) => v.revoke("id", GRANTEE, { by: OWNER, x: 1 } as never),
      /option: x \(known: by/,
    ],
    ["renew a ttl as text", (v) => v.renew("id", "5" as never, { by: OWNER }), /^ttlSeconds/],
    ["rewrap a limit of 0", (v) => v.rewrap({ limit: 0 }), /^limit/],
    ["rewrap a cursor of another kind", (v) => v.rewrap({ cursor: 5 as never }), /^cursor/],
    ["rewrap a made-up cursor", (v) => v.rewrap({ cursor: "e30" }), /^cursor/],
    ["rewrap a cursor that is no JSON", (v) => v.rewrap({ cursor: "!" }), /^cursor/],
    [
      "rewrap an unknown option",
      (v) => v.rewrap({ page: 1 } as never),
      /option: page \(known: limit, cursor/,
    ],
  ])("%s", async (_, call, message) => {
    const refusal = await call(untouched().vault).catch((error: unknown) => error);
    expect([TypeError, RangeError]).toContain((refusal as Error).constructor);
    expect((refusal as Error).message).toMatch(message);
  });
});

describe("the constructor of a vault refuses", () => {
  it("an unknown option", () => {
    expect(() => new HandleVault({ key: 1 } as never)).toThrow(/unknown option: key/);
    expect(() => new HandleVault(null as never)).toThrow(TypeError);
  });

  it("keys beside a codec that has its own encryptor", () => {
    const codec = new VaultCodec({ encryptor: fernetEncryptor({ keys: [generateFernetKey()] }) });
    expect(() => new HandleVault({ codec, keys: KeyRing.ephemeral() })).toThrow(TypeError);
    expect(() => new HandleVault({ codec })).not.toThrow();
  });

  it("parts of a wrong type", () => {
    for (const bad of [
      { cache: 5 },
      { cache: {} },
      { codec: {} },
      { codec: null },
      { clock: 5 },
      { keys: {} },
    ]) {
      expect(() => new HandleVault(bad as never)).toThrow(TypeError);
    }
    expect(() => new HandleVault({ acceptVolatile: "yes" as never })).toThrow(/^acceptVolatile/);
  });

  it("an empty tenant and a timeout of zero", () => {
    expect(() => new HandleVault({ tenant: "" })).toThrow(RangeError);
    expect(() => new HandleVault({ cacheTimeoutMs: 0 })).toThrow(RangeError);
  });
});

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `p${index}`);
}

/** A vault whose cache records that it was called. */
function untouched(): { vault: HandleVault; calls: string[] } {
  const calls: string[] = [];
  const memory = memoryCache();
  const cache = overriding(memory, {
    insert: (key, record, options) => {
      calls.push("insert");
      return memory.insert(key, record, options);
    },
  });
  return { vault: new HandleVault({ cache }), calls };
}

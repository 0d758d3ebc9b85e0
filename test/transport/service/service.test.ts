import { describe, expect, it } from "vitest";
import { LOCAL_CALLER } from "../../../src/auth/authenticator.js";
import type { KnownCaller } from "../../../src/transport/service/delegation.js";
import { OPERATION_NAMES } from "../../../src/transport/service/operations.js";
import { VaultService, type VaultServiceOptions } from "../../../src/transport/service/service.js";
import { HandleVault } from "../../support/modules.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../../support/vault.js";

const FORBIDDEN = { code: "ERR_VAULT_PRINCIPAL_FORBIDDEN" };
const DENIED = { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" };
const UNAUTHENTICATED = { code: "ERR_VAULT_UNAUTHENTICATED" };
const owner: KnownCaller = { principal: OWNER };
const stranger: KnownCaller = { principal: STRANGER };

async function scene(options: VaultServiceOptions = {}) {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  return { vault, id, service: new VaultService(vault, options) };
}

/** Returns parameters of every operation, without the principal. */
function paramsOf(id: string): Readonly<Record<string, object>> {
  return {
    seal: { data: "x", safe_view: "x" },
    unseal: { id },
    get_safe_view: { id },
    describe: { id },
    grant: { id, principal: GRANTEE },
    revoke: { id, principal: GRANTEE },
    renew: { id, ttl_seconds: 60 },
    invalidate: { id },
    seal_many: { requests: [{ data: "x", safe_view: "x" }] },
    unseal_many: { requests: [{ id }] },
    health: {},
  };
}

/** The operations that act for a principal, and the member that can name it. */
const ACTING = {
  seal: "owner_principal",
  unseal: "requesting_principal",
  describe: "requesting_principal",
  grant: "by",
  revoke: "by",
  renew: "by",
  invalidate: "requesting_principal",
} as const;

describe("a caller with a credential", () => {
  it("acts for its own principal when the request names none", async () => {
    const { service, id } = await scene();
    const sealed = await service.call("seal", { data: "x", safe_view: "x" }, stranger);
    expect(sealed).toMatchObject({ owner_principal: STRANGER });
    expect(await service.call("unseal", { id }, owner)).toEqual({ data: "secret" });
    for (const operation of ["describe", "grant", "revoke", "renew", "invalidate", "unseal"]) {
      await expect(
        service.call(operation, paramsOf(id)[operation], stranger),
      ).rejects.toMatchObject(DENIED);
      const members = { requesting_principal: null, by: null };
      const member = operation in ACTING ? ACTING[operation as keyof typeof ACTING] : "by";
      const params = { ...paramsOf(id)[operation], [member]: members[member as "by"] };
      await expect(service.call(operation, params, stranger)).rejects.toMatchObject(DENIED);
    }
    await service.call("grant", { id, principal: STRANGER }, owner);
    expect(await service.call("unseal", { id }, stranger)).toEqual({ data: "secret" });
    expect(await service.call("invalidate", { id }, owner)).toEqual({ ok: true });
  });

  it.each(Object.entries(ACTING))(
    "is refused %s when it types another principal into %s",
    async (operation, member) => {
      const { service, id, vault } = await scene();
      const params = { ...paramsOf(id)[operation], [member]: OWNER };
      const callers: KnownCaller[] = [
        stranger,
        { principal: STRANGER, mayActFor: [] },
        { principal: STRANGER, mayActFor: [`${OWNER}2`, OWNER.slice(0, -1), `${OWNER}/*`] },
        { principal: `${OWNER}2` },
        { principal: OWNER.toUpperCase() },
        { principal: "*" },
        { principal: STRANGER, mayActFor: ["*"] },
      ];
      for (const caller of callers) {
        await expect(service.call(operation, params, caller)).rejects.toMatchObject(FORBIDDEN);
      }
      expect(await vault.unseal(id, OWNER)).toBe("secret");
    },
  );

  it.each(Object.entries(ACTING))("may name itself in %s", async (operation, member) => {
    const { service, id } = await scene();
    const params = { ...paramsOf(id)[operation], [member]: OWNER };
    await expect(service.call(operation, params, owner)).resolves.toBeTypeOf("object");
  });

  it.each([[OWNER], ["spiffe://example.org/*"], ["nobody", `${OWNER}*`]])(
    "acts for others that its credential allows: %s",
    async (...mayActFor) => {
      const { service, id } = await scene();
      const caller = { principal: STRANGER, mayActFor };
      for (const [operation, member] of Object.entries(ACTING)) {
        const params = { ...paramsOf(id)[operation], [member]: OWNER };
        await expect(service.call(operation, params, caller)).resolves.toBeTypeOf("object");
      }
    },
  );

  it("is refused item by item in a batch", async () => {
    const { service, id } = await scene();
    const unsealed = await service.call(
      "unseal_many",
      { requests: [{ id }, { id, requesting_principal: STRANGER }, { id: 5 }, null, { id }] },
      owner,
    );
    expect(unsealed).toMatchObject({
      outcomes: [
        { ok: true, value: { data: "secret" } },
        { ok: false, error: FORBIDDEN },
        { ok: false, error: { code: "ERR_VAULT_INVALID_TYPE", message: "id must be a string" } },
        { ok: false, error: { code: "ERR_VAULT_INVALID_TYPE" } },
        { ok: true, value: { data: "secret" } },
      ],
    });
    const sealed = await service.call(
      "seal_many",
      {
        requests: [
          { data: 1, safe_view: "x" },
          { data: 1, safe_view: "x", owner_principal: STRANGER },
        ],
      },
      owner,
    );
    expect(sealed).toMatchObject({
      outcomes: [
        { ok: true, value: { owner_principal: OWNER } },
        { ok: false, error: FORBIDDEN },
      ],
    });
  });
});

describe("nobody", () => {
  it.each(OPERATION_NAMES.filter((name) => name !== "health"))("may %s", async (operation) => {
    const { service, id } = await scene();
    for (const caller of [undefined, { principal: "" }, {} as KnownCaller, null as never]) {
      const call = service.call(operation, { ...paramsOf(id)[operation], by: OWNER }, caller);
      await expect(call).rejects.toMatchObject(UNAUTHENTICATED);
    }
  });

  it("may ask for health, and for safe views where they are public", async () => {
    const { service, id } = await scene({ publicSafeViews: true });
    expect(await service.call("health", {}, undefined)).toEqual({ status: "ok" });
    expect(await service.call("health", undefined, undefined)).toEqual({ status: "ok" });
    const view = await service.call("get_safe_view", { id }, undefined);
    expect(view).toEqual({ safe_view: "a payload" });
    const rest = OPERATION_NAMES.filter((name) => !["health", "get_safe_view"].includes(name));
    for (const operation of rest) {
      const call = service.call(operation, paramsOf(id)[operation], undefined);
      await expect(call).rejects.toMatchObject(UNAUTHENTICATED);
    }
  });
});

describe("a trusted machine", () => {
  it("names the principal, and has to where there must be one", async () => {
    const { service, id } = await scene();
    const params = { id, requesting_principal: GRANTEE };
    expect(await service.call("unseal", params, LOCAL_CALLER)).toEqual({ data: "secret" });
    for (const [operation, member] of Object.entries(ACTING)) {
      if (operation === "invalidate") continue;
      const call = service.call(operation, paramsOf(id)[operation], LOCAL_CALLER);
      await expect(call).rejects.toThrow(new TypeError(`${member} must be a string`));
    }
  });

  it("may invalidate without a principal, as the embedding process does, but not for another one", async () => {
    const { service, id, vault } = await scene();
    const params = { id, requesting_principal: STRANGER };
    await expect(service.call("invalidate", params, LOCAL_CALLER)).rejects.toMatchObject(DENIED);
    expect(await service.call("invalidate", { id }, LOCAL_CALLER)).toEqual({ ok: true });
    await expect(vault.getSafeView(id)).rejects.toThrow();
  });
});

describe("gatewayPrincipals", () => {
  it("are the only ones that receive payloads, if they are also owner or granted", async () => {
    const { service, id } = await scene({ gatewayPrincipals: [GRANTEE, STRANGER] });
    expect(await service.call("unseal", { id }, { principal: GRANTEE })).toEqual({
      data: "secret",
    });
    await expect(service.call("unseal", { id }, owner)).rejects.toMatchObject(FORBIDDEN);
    await expect(service.call("unseal", { id }, stranger)).rejects.toMatchObject(DENIED);
    const named = { id, requesting_principal: OWNER };
    await expect(service.call("unseal", named, LOCAL_CALLER)).rejects.toMatchObject(FORBIDDEN);
    const many = await service.call("unseal_many", { requests: [{ id }] }, owner);
    expect(many).toMatchObject({ outcomes: [{ ok: false, error: FORBIDDEN }] });
    expect(await service.call("describe", { id }, owner)).toMatchObject({ owner_principal: OWNER });
  });

  it("are checked against the principal that receives the payload, not against the caller", async () => {
    const { service, id } = await scene({ gatewayPrincipals: [GRANTEE] });
    const agent = { principal: STRANGER, mayActFor: [GRANTEE, OWNER] };
    const forGateway = { id, requesting_principal: GRANTEE };
    expect(await service.call("unseal", forGateway, agent)).toEqual({ data: "secret" });
    const forOwner = { id, requesting_principal: OWNER };
    await expect(service.call("unseal", forOwner, agent)).rejects.toMatchObject(FORBIDDEN);
  });

  it("allow no principal when the list is empty", async () => {
    const { service, id, vault } = await scene({ gatewayPrincipals: [] });
    for (const caller of [owner, { principal: GRANTEE, mayActFor: ["spiffe:*"] }]) {
      await expect(service.call("unseal", { id }, caller)).rejects.toMatchObject(FORBIDDEN);
    }
    const params = { id, requesting_principal: OWNER };
    await expect(service.call("unseal", params, LOCAL_CALLER)).rejects.toMatchObject(FORBIDDEN);
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });
});

describe("the options of a service", () => {
  it.each([
    [{ publicSafeView: true }, TypeError],
    [{ publicSafeViews: 1 }, TypeError],
    [{ gatewayPrincipals: OWNER }, TypeError],
    [{ gatewayPrincipals: [5] }, TypeError],
    [{ gatewayPrincipals: [""] }, RangeError],
  ])("refuse %o", (options, Class) => {
    expect(() => new VaultService(new HandleVault(), options as never)).toThrow(Class);
    expect(() => new VaultService({} as never)).toThrow(TypeError);
  });
});

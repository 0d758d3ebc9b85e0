import { describe, expect, it } from "vitest";
import { schemasOf } from "../../../src/transport/service/loaded-schemas.js";
import { OPERATION_NAMES, type OperationName } from "../../../src/transport/service/operations.js";
import { VaultService } from "../../../src/transport/service/service.js";
import { CacheUnavailableError, HandleVault, RequestTooLargeError } from "../../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";

const owner = { principal: OWNER };
const seal = { data: "secret", safe_view: "x" };
const id = `hdl_${"0".repeat(32)}`;

async function call(operation: string, params: unknown): Promise<object> {
  return new VaultService(new HandleVault()).call(operation, params, owner);
}

describe("parameters", () => {
  it.each<[string, unknown, string]>([
    ["seal", { safe_view: "x" }, "data must be given"],
    ["seal", { data: "x" }, "safe_view must be a string"],
    ["seal", { ...seal, safe_view: 5 }, "safe_view must be a string"],
    ["seal", { ...seal, owner_principal: ["secret"] }, "owner_principal must be a string"],
    ["seal", { ...seal, ttl_seconds: "secret" }, "ttl_seconds must be a number"],
    ["seal", { ...seal, ttl_seconds: [] }, "ttl_seconds must be a number"],
    ["seal", { ...seal, granted_principals: "bob" }, "granted_principals must be an array"],
    ["seal", { ...seal, granted_principals: ["a", 5] }, "granted_principals[1] must be a string"],
    ["seal", { ...seal, max_uses: true }, "max_uses must be a number"],
    ["seal", { ...seal, leak_guard: "on" }, "leak_guard must be of another kind"],
    ["seal", { ...seal, leak_guard: {} }, "leak_guard must be of another kind"],
    ["seal", { ...seal, leak_guard: { allow: "/a" } }, "leak_guard must be of another kind"],
    ["seal", { ...seal, max_use: 1 }, "params must have no other members"],
    ["seal", { ...seal, secret: 1 }, "params must have no other members"],
    [
      "seal",
      { ...seal, data: { when: new Date(0) } },
      "data.when is an instance of a class: the serializer cannot carry it",
    ],
    ["seal", [seal], "params must be an object"],
    ["seal", "secret", "params must be an object"],
    ["seal", null, "data must be given"],
    ["unseal", { id: 5 }, "id must be a string"],
    ["unseal", {}, "id must be a string"],
    ["unseal", { id, handle_id: id }, "params must have no other members"],
    ["grant", { id }, "principal must be a string"],
    ["renew", { id }, "ttl_seconds must be a number"],
    ["seal_many", { requests: "secret" }, "requests must be an array"],
    ["seal_many", {}, "requests must be an array"],
    ["nonsense", {}, "operation must be one of the service's"],
    ["toString", {}, "operation must be one of the service's"],
    ["__proto__", {}, "operation must be one of the service's"],
  ])("of %s are refused with a TypeError that names the member: %o", async (...given) => {
    const [operation, params, message] = given;
    await expect(call(operation, params)).rejects.toThrow(new TypeError(message));
  });

  it.each<[string, unknown, string]>([
    ["seal", { ...seal, owner_principal: "" }, "owner_principal must have or be at least 1"],
    [
      "seal",
      { ...seal, owner_principal: "p".repeat(1025) },
      "owner_principal must have or be at most 1024",
    ],
    [
      "seal",
      { ...seal, owner_principal: "a\nb" },
      "owner_principal must not contain control characters",
    ],
    ["seal", { ...seal, owner_principal: "\ud800" }, "owner_principal must be well-formed Unicode"],
    [
      "seal",
      { ...seal, safe_view: "é".repeat(2049) },
      "safe_view must have at most 4096 bytes of UTF-8",
    ],
    ["seal", { ...seal, ttl_seconds: -1 }, "ttl_seconds must have or be at least 0"],
    ["seal", { ...seal, ttl_seconds: 1e18 }, "ttl_seconds must have or be at most 3155760000"],
    ["seal", { ...seal, max_uses: 0 }, "max_uses must have or be at least 1"],
    ["seal", { ...seal, max_uses: 1.5 }, "max_uses must be a whole number"],
    [
      "seal",
      { ...seal, leak_guard: { allow: ["secret"] } },
      "leak_guard.allow[0] must be a JSON pointer",
    ],
    ["renew", { id, ttl_seconds: -1 }, "ttl_seconds must have or be at least 0"],
    ["seal_many", { requests: Array(1001).fill(seal) }, "requests must have or be at most 1000"],
  ])("of %s are refused with a RangeError that names the member: %o", async (...given) => {
    const [operation, params, message] = given;
    await expect(call(operation, params)).rejects.toThrow(new RangeError(message));
  });

  it("that are null count as absent", async () => {
    const sealed = await call("seal", {
      ...seal,
      owner_principal: null,
      ttl_seconds: null,
      granted_principals: null,
      max_uses: null,
    });
    expect(sealed).toMatchObject({ owner_principal: OWNER, granted_principals: [] });
  });

  it("of every kind get an answer or an error of ours, never the engine's", async () => {
    const values = [
      undefined,
      null,
      0,
      -1,
      Number.POSITIVE_INFINITY,
      "",
      "secret",
      [],
      {},
      true,
      new Date(0),
      Symbol(),
    ];
    for (const operation of OPERATION_NAMES) {
      for (const value of values) {
        const members = ["id", "data", "safe_view", "principal", "requests", "ttl_seconds", "by"];
        const params = Object.fromEntries(members.map((member) => [member, value]));
        for (const given of [value, params, { requests: [value, params] }]) {
          const error = await call(operation, given).catch((reason: unknown) => reason);
          if (error instanceof TypeError) expect(error.message).toMatch(/ must |^data/);
          expect(error).not.toBeInstanceOf(SyntaxError);
        }
      }
    }
  });
});

describe("results", () => {
  it("are those of the schemas", async () => {
    const vault = new HandleVault();
    const service = new VaultService(vault);
    const { id: made } = (await service.call("seal", seal, owner)) as { id: string };
    const calls: [OperationName, object][] = [
      ["seal", seal],
      ["unseal", { id: made }],
      ["get_safe_view", { id: made }],
      ["describe", { id: made }],
      ["grant", { id: made, principal: GRANTEE }],
      ["revoke", { id: made, principal: GRANTEE }],
      ["renew", { id: made, ttl_seconds: 5 }],
      ["seal_many", { requests: [seal, {}] }],
      ["unseal_many", { requests: [{ id: made }, {}] }],
      ["invalidate", { id: made }],
      ["health", {}],
    ];
    expect(calls.map(([operation]) => operation).toSorted()).toEqual(OPERATION_NAMES.toSorted());
    for (const [operation, params] of calls) {
      const result = await service.call(operation, params, owner);
      expect(schemasOf(operation).result.parse(result)).toEqual(result);
    }
  });

  it("are refused where no wire can carry the payload", async () => {
    const vault = new HandleVault();
    vault.unseal = async () => new Map() as never;
    const service = new VaultService(vault);
    await expect(service.call("unseal", { id }, owner)).rejects.toThrow(
      new TypeError("data is an instance of a class: the serializer cannot carry it"),
    );
  });

  it("of a batch stop at a limit, and the remaining items were not touched", async () => {
    const vault = new HandleVault();
    const handles = await vault.sealMany(
      Array.from({ length: 8 }, () => ({ data: "x".repeat(5e6), ...sealOptions({ maxUses: 1 }) })),
    );
    const requests = handles.map((outcome) => ({ id: outcome.ok ? outcome.value.id : "" }));
    const service = new VaultService(vault);
    const { outcomes } = (await service.call("unseal_many", { requests }, owner)) as {
      outcomes: { ok: boolean; error?: { code: string } }[];
    };
    expect(outcomes.map(({ ok }) => ok)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(outcomes[7]?.error?.code).toBe(new RequestTooLargeError().code);
    expect(await service.call("unseal", requests[7], owner)).toMatchObject({});
  });

  it("of a batch reveal no more of a failure than the table does", async () => {
    const vault = new HandleVault();
    vault.unseal = async () => {
      throw new CacheUnavailableError({ cause: new Error("secret") });
    };
    const service = new VaultService(vault);
    const answer = JSON.stringify(await service.call("unseal_many", { requests: [{ id }] }, owner));
    expect(answer).not.toContain("secret");
    expect(answer).toContain("ERR_VAULT_CACHE_UNAVAILABLE");
  });
});

import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import { toOriginal } from "../../../src/transport/compat/original.js";
import type { OperationName } from "../../../src/transport/service/operations.js";
import { VaultService } from "../../../src/transport/service/service.js";
import {
  HandleAccessDeniedError,
  HandleVault,
  OutcomeUnknownError,
  RequestTooLargeError,
  type Vault,
} from "../../support/modules.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { textWire } from "../text-wire.js";

const ID = `hdl_${"0".repeat(32)}`;
const HANDLE = {
  id: ID,
  safe_view: "a payload",
  owner_principal: OWNER,
  granted_principals: [GRANTEE],
  created_at: "2026-01-01T00:00:00.000Z",
  expires_at: "2026-01-01T00:05:00.000Z",
};

type Answer = (operation: OperationName, params: Sent) => object;

/** The parts of a request that these tests examine. */
type Sent = { readonly requests?: readonly Sent[]; readonly [member: string]: unknown };

/** Returns a vault whose service gives the configured response, and the calls that it received. */
function remote(answer: Answer): { vault: RemoteVault; calls: [OperationName, Sent][] } {
  const calls: [OperationName, Sent][] = [];
  const vault = new RemoteVault({
    async call(operation, params) {
      calls.push([operation, params as Sent]);
      return answer(operation, params as Sent);
    },
    close: async () => undefined,
  });
  return { vault, calls };
}

const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };

/** Calls every operation that changes something, at least a use count. */
function changesOf(vault: Vault): readonly (() => Promise<unknown>)[] {
  return [
    () => vault.seal("x", sealOptions()),
    () => vault.unseal(ID, OWNER),
    () => vault.invalidate(ID),
    () => vault.grant(ID, GRANTEE, { by: OWNER }),
    () => vault.revoke(ID, GRANTEE, { by: OWNER }),
    () => vault.renew(ID, 5, { by: OWNER }),
  ];
}

/** Calls every operation that only reads. */
function readsOf(vault: Vault): readonly (() => Promise<unknown>)[] {
  return [() => vault.getSafeView(ID), () => vault.describe(ID, OWNER)];
}

/** Expects the errors for an unreadable response: a change may have happened. */
async function expectUnreadable(
  calls: readonly (() => Promise<unknown>)[],
  expected: object,
): Promise<void> {
  for (const call of calls) {
    const error = await rejectionOf(call());
    expect(error).toMatchObject(expected);
    expect(inspect(error)).not.toMatch(/secret|spiffe/);
  }
}

describe("an answer", () => {
  it("may have times in any offset and members of its own", async () => {
    const { vault } = remote(() => ({
      ...HANDLE,
      created_at: "2026-01-01T01:30:00.123456+01:30",
      expires_at: "2025-12-31T19:05:00-05:00",
      tomorrow: { member: 1 },
    }));
    const handle = await vault.seal("x", sealOptions());
    expect(handle.createdAt).toEqual(new Date("2026-01-01T00:00:00.123Z"));
    expect(handle.expiresAt).toEqual(new Date("2026-01-01T00:05:00Z"));
    expect(handle.grantedPrincipals).toEqual([GRANTEE]);
    expect(Object.keys(handle.toJSON())).toEqual(Object.keys(HANDLE));
  });

  it("may leave the grants out where the original is named, and nowhere else", async () => {
    const { granted_principals: _, ...bare } = HANDLE;
    const wire = { call: async () => bare, close: async () => undefined };
    const original = new RemoteVault(toOriginal(wire, { carriesBytes: false }));
    expect((await original.seal("x", sealOptions())).grantedPrincipals).toEqual([GRANTEE]);
    await expect(new RemoteVault(wire).seal("x", sealOptions())).rejects.toMatchObject(UNKNOWN);
  });

  it.each<[string, object]>([
    ["nothing", {}],
    ["no object", null as never],
    ["a text", "secret" as never],
    ["a list", [HANDLE]],
    ["an undefined payload", { data: undefined }],
    ["a refusal that is an answer", { ok: false }],
  ])(
    "that holds %s leaves the outcome of changes unknown, and is not quoted",
    async (_, answer) => {
      const { vault } = remote(() => answer);
      await expectUnreadable(changesOf(vault), UNKNOWN);
      await expectUnreadable(readsOf(vault), UNAVAILABLE);
    },
  );

  it.each<[string, object]>([
    ["a time that is none", { expires_at: "secret" }],
    ["a time without offset", { created_at: "2026-01-01T00:00:00" }],
    ["a day that is none", { created_at: "2026-02-30T00:00:00Z" }],
    ["a time that is a number", { created_at: 1 }],
    ["an owner that is a number", { owner_principal: 1 }],
    ["grants that are a text", { granted_principals: "secret" }],
    ["no id", { id: undefined }],
    ["an id that is none", { id: `hdl_${"\n".repeat(32)}` }],
  ])("that describes a handle with %s is no answer to rely on", async (_, members) => {
    const { vault } = remote(() => ({ ...HANDLE, uses_left: null, ...members }));
    const changes = [
      () => vault.seal("x", sealOptions()),
      () => vault.grant(ID, GRANTEE, { by: OWNER }),
      () => vault.renew(ID, 5, { by: OWNER }),
    ];
    await expectUnreadable(changes, UNKNOWN);
    await expectUnreadable([() => vault.describe(ID, OWNER)], UNAVAILABLE);
  });

  it("about another handle than the one asked about is the answer to another request", async () => {
    const other = { ...HANDLE, id: `hdl_${"1".repeat(32)}`, uses_left: null };
    const { vault } = remote(() => other);
    const changes = [
      () => vault.grant(ID, GRANTEE, { by: OWNER }),
      () => vault.revoke(ID, GRANTEE, { by: OWNER }),
      () => vault.renew(ID, 5, { by: OWNER }),
    ];
    await expectUnreadable(changes, UNKNOWN);
    await expectUnreadable([() => vault.describe(ID, OWNER)], UNAVAILABLE);
  });

  it("with uses that make no sense is a failure of the service", async () => {
    for (const usesLeft of [-1, 1.5, "1", undefined]) {
      const { vault } = remote(() => ({ ...HANDLE, uses_left: usesLeft }));
      const error = await rejectionOf(vault.describe(ID, OWNER));
      expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
    }
  });

  it.each<[string, object]>([
    ["too few outcomes", { outcomes: [] }],
    ["too many outcomes", { outcomes: Array(2).fill({ ok: true, value: HANDLE }) }],
    ["an outcome that is none", { outcomes: [{ ok: "yes" }] }],
    ["a handle that is none", { outcomes: [{ ok: true, value: { id: 5 } }] }],
    ["an error that is none", { outcomes: [{ ok: false, error: "secret" }] }],
    ["no list", { outcomes: "secret" }],
    [
      "an error that is not known",
      { outcomes: [{ ok: false, error: { code: "X", message: "" } }] },
    ],
    [
      "a failure that says nothing of what was done",
      { outcomes: [{ ok: false, error: { code: "ERR_VAULT_INTERNAL", message: "" } }] },
    ],
  ])("of many that holds %s leaves the outcome of the items unknown", async (_, answer) => {
    const { vault } = remote(() => answer);
    const failed = { ok: false, error: UNKNOWN };
    expect(await vault.sealMany([{ data: "x", ...sealOptions() }])).toMatchObject([failed]);
    const requests = [{ id: ID, requestingPrincipal: OWNER }];
    expect(await vault.unsealMany(requests)).toMatchObject([failed]);
  });
});

describe("a call", () => {
  it("that the vault would refuse is not sent", async () => {
    const { vault, calls } = remote(() => HANDLE);
    await rejectionOf(vault.seal(new Map(), sealOptions()));
    await rejectionOf(vault.seal("x", sealOptions({ ttlSeconds: -1 })));
    await rejectionOf(vault.unseal("../../admin", OWNER));
    await rejectionOf(vault.unseal(ID, ""));
    await rejectionOf(vault.grant(ID, "p", { by: "" }));
    await vault.invalidate("../../admin", OWNER);
    await vault.sealMany([{ data: 1n, ...sealOptions() }]);
    await vault.unsealMany([{ id: "../../admin", requestingPrincipal: OWNER }]);
    expect(calls).toEqual([]);
  });

  it("sends the arguments, with the true bytes of arrays", async () => {
    class Liar extends Uint8Array {
      override get byteLength(): number {
        return 0;
      }
    }
    const { vault, calls } = remote(() => HANDLE);
    await vault.seal(Liar.of(1, 2), sealOptions({ maxUses: 3 }));
    const [operation, params = {}] = calls[0] ?? [];
    expect(operation).toBe("seal");
    expect({ ...params, data: [...(params["data"] as Uint8Array)] }).toEqual({
      data: [1, 2],
      owner_principal: OWNER,
      safe_view: "a payload",
      ttl_seconds: 300,
      granted_principals: [GRANTEE],
      max_uses: 3,
    });
  });

  it("passes on errors of the wire", async () => {
    for (const error of [new HandleAccessDeniedError(), new OutcomeUnknownError()]) {
      const { vault } = remote(() => {
        throw error;
      });
      for (const call of [...changesOf(vault), ...readsOf(vault)])
        expect(await rejectionOf(call())).toBe(error);
    }
  });

  it("to a service that cannot be relied on fails every item of many", async () => {
    const { vault } = remote(() => {
      throw new OutcomeUnknownError();
    });
    const outcomes = await vault.sealMany([
      { data: "x", ...sealOptions() },
      { data: () => "x", ...sealOptions() },
      { data: "y", ...sealOptions() },
    ]);
    expect(outcomes.map((outcome) => !outcome.ok && (outcome.error as Error).name)).toEqual([
      "OutcomeUnknownError",
      "TypeError",
      "OutcomeUnknownError",
    ]);
  });

  it("of health asks the service", async () => {
    expect(await remote(() => ({ status: "ok" })).vault.health()).toBeUndefined();
    const error = await rejectionOf(remote(() => ({})).vault.health());
    expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
  });

  it("passes the signal of a call to the transport, and no signal without one", async () => {
    const signals: unknown[] = [];
    const vault = new RemoteVault({
      async call(_operation, _params, options) {
        signals.push(options?.signal);
        return HANDLE;
      },
      close: async () => undefined,
    });
    const { signal } = new AbortController();
    await vault.getSafeView(ID, { signal });
    await vault.getSafeView(ID);
    expect(signals).toEqual([signal, undefined]);
    await expect(vault.getSafeView(ID, { signal: {} as never })).rejects.toThrow(TypeError);
  });

  it("closes the connection once, and leaves the vault behind it open", async () => {
    const behind = new HandleVault();
    let closings = 0;
    const close = async () => {
      closings += 1;
    };
    const wire = { ...textWire(behind), close };
    {
      await using vault = new RemoteVault(wire);
      await vault.seal("x", sealOptions());
      await Promise.all([vault.close(), vault.close()]);
      await expect(vault.health()).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
    }
    expect(closings).toBe(1);
    await expect(behind.seal("x", sealOptions())).resolves.toBeDefined();
  });
});

describe("many", () => {
  it("go in requests of at most 1,000 items and about 8 MiB", async () => {
    const counts: number[] = [];
    const { vault } = remote((_, { requests = [] }) => {
      counts.push(requests.length);
      return { outcomes: requests.map(() => ({ ok: true, value: HANDLE })) };
    });
    const small = Array.from({ length: 300 }, () => ({ data: 1, ...sealOptions() }));
    const large = Array.from({ length: 3 }, () => ({ data: "x".repeat(5e6), ...sealOptions() }));
    const outcomes = await vault.sealMany([...small, ...large]);
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(counts).toEqual([300, 1, 1, 1]);
    const ids = Array.from({ length: 2500 }, () => ({ id: ID, requestingPrincipal: OWNER }));
    counts.length = 0;
    expect(await vault.unsealMany(ids)).toHaveLength(2500);
    expect(counts).toEqual([1000, 1000, 500]);
  });

  it("are halved where the service accepts less, and only an item that is too large alone fails", async () => {
    const behind = new HandleVault();
    const service = new VaultService(behind);
    const { vault } = remote((_, { requests = [] }) => {
      const size = requests.reduce((sum, { data }) => sum + String(data).length, 0);
      if (size > 10) throw new RequestTooLargeError();
      return service.call("seal_many", { requests }, { principal: OWNER });
    });
    const texts = ["1234", "1234567890", "12345678901", "12", "", "12345"];
    const outcomes = await vault.sealMany(texts.map((data) => ({ data, ...sealOptions() })));
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false, true, true, true]);
    expect(outcomes[2]).toMatchObject({ error: { code: "ERR_VAULT_REQUEST_TOO_LARGE" } });
    for (const [place, outcome] of outcomes.entries()) {
      if (outcome.ok) expect(await behind.unseal(outcome.value.id, OWNER)).toBe(texts[place]);
    }
  });

  it("are all given, each once, however little the service hands out at a time", async () => {
    const behind = new HandleVault();
    const vault = new RemoteVault(textWire(behind));
    const data = "x".repeat(6e6);
    const requests = await Promise.all(
      Array.from({ length: 8 }, async (_, item) => {
        const { id } = await behind.seal(`${item}${data}`, sealOptions({ maxUses: 1 }));
        return { id, requestingPrincipal: OWNER };
      }),
    );
    const outcomes = await vault.unsealMany<string>([
      ...requests,
      { id: ID, requestingPrincipal: OWNER },
    ]);
    expect(outcomes.slice(0, 8).map((outcome) => outcome.ok && outcome.value[0])).toEqual([
      ..."01234567",
    ]);
    expect(outcomes[8]).toMatchObject({ ok: false, error: { name: "HandleNotFoundError" } });
  });

  it("end where the service hands out nothing at all", async () => {
    const { code, message } = new RequestTooLargeError();
    const { vault, calls } = remote((_, { requests = [] }) => ({
      outcomes: requests.map(() => ({ ok: false, error: { code, message } })),
    }));
    const requests = Array.from({ length: 3 }, () => ({ id: ID, requestingPrincipal: OWNER }));
    const outcomes = await vault.unsealMany(requests);
    expect(outcomes).toMatchObject(Array(3).fill({ ok: false, error: { code } }));
    expect(calls).toHaveLength(1);
  });
});

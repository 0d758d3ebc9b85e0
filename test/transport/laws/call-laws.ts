import { inspect } from "node:util";
import { expect, it } from "vitest";
import { z } from "zod";
import { memoryCache, type StandardSchema, type Vault } from "../../../src/index.js";
import { HandleVault } from "../../support/modules.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf, type VaultHarness, withVault } from "./harness.js";

const UNKNOWN = "ERR_VAULT_OUTCOME_UNKNOWN";
const VALIDATION = "ERR_VAULT_PAYLOAD_VALIDATION";
const CANARY = "canary-5521";
const BY = { by: OWNER } as const;

type Call = (vault: Vault, id: string, limits: object) => Promise<unknown>;

const READS: Readonly<Record<string, Call>> = {
  getSafeView: (vault, id, limits) => vault.getSafeView(id, limits),
  describe: (vault, id, limits) => vault.describe(id, OWNER, limits),
};
const WRITES: Readonly<Record<string, Call>> = {
  seal: (vault, _, limits) => vault.seal("text", { ...sealOptions(), ...limits }),
  unseal: (vault, id, limits) => vault.unseal(id, OWNER, limits),
  invalidate: (vault, id, limits) => vault.invalidate(id, OWNER, limits),
  grant: (vault, id, limits) => vault.grant(id, "new", { ...BY, ...limits }),
  revoke: (vault, id, limits) => vault.revoke(id, "new", { ...BY, ...limits }),
  renew: (vault, id, limits) => vault.renew(id, 60, { ...BY, ...limits }),
  sealMany: (vault, _, limits) => vault.sealMany([{ data: 1, ...sealOptions() }], limits),
  unsealMany: (vault, id, limits) => vault.unsealMany([{ id, requestingPrincipal: OWNER }], limits),
};
const CALLS = { ...READS, ...WRITES };

/** Every call may be limited by a signal and by a time, and says whether it may have changed something. */
export function callLaws(harness: VaultHarness): void {
  it.each(Object.entries(CALLS))(
    "%s under limits that do not end it gives its result",
    async (_, call) => {
      await withVault(harness, async (vault) => {
        const { id } = await vault.seal("text", sealOptions());
        const limits = { signal: new AbortController().signal, timeoutMs: 60_000 };
        await expect(call(vault, id, limits)).resolves.not.toThrow();
      });
    },
  );

  it.each(Object.entries(CALLS))("%s is not begun under an aborted signal", async (_, call) => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions({ maxUses: 1 }));
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(call(vault, id, { signal })).rejects.toThrow("enough");
      expect(await vault.unseal(id, OWNER)).toBe("text");
    });
  });

  it.each(Object.entries(READS))("%s that is aborted rejects with the reason", async (_, call) => {
    await withHeldVault(harness, async (vault, id, held) => {
      const controller = new AbortController();
      const calling = call(vault, id, { signal: controller.signal });
      await held;
      controller.abort(new Error("enough"));
      await expect(calling).rejects.toThrow("enough");
      await expect(call(vault, id, { timeoutMs: 5 })).rejects.toMatchObject({
        name: "TimeoutError",
      });
    });
  });

  it.each(Object.entries(WRITES))("%s that is aborted has an unknown outcome", async (_, call) => {
    await withHeldVault(harness, async (vault, id, held) => {
      const controller = new AbortController();
      const calling = call(vault, id, { signal: controller.signal });
      await held;
      controller.abort(new Error("enough"));
      await expect(calling).rejects.toMatchObject({ code: UNKNOWN, cause: new Error("enough") });
    });
  });

  it("a change that takes too long has an unknown outcome", async () => {
    await withHeldVault(harness, async (vault, id, held) => {
      const late = rejectionOf(vault.unseal(id, OWNER, { timeoutMs: 300 }));
      await held;
      expect(await late).toMatchObject({ code: UNKNOWN, cause: { name: "TimeoutError" } });
    });
  });

  it.each(Object.entries(CALLS))(
    "%s refuses limits that are none, and other options",
    async (_, call) => {
      await withVault(harness, async (vault) => {
        const { id } = await vault.seal("text", sealOptions());
        await expect(call(vault, id, { signal: {} })).rejects.toThrow("must be an AbortSignal");
        await expect(call(vault, id, { timeoutMs: 0 })).rejects.toThrow(RangeError);
        await expect(call(vault, id, { timeoutMs: "5" })).rejects.toThrow(TypeError);
        await expect(call(vault, id, { abort: 1 })).rejects.toThrow("unknown option: abort");
      });
    },
  );

  it("an item of a batch has no limits and no schema of its own", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions());
      for (const own of [{ signal: AbortSignal.abort() }, { timeoutMs: 5 }, { schema: {} }]) {
        const [name] = Object.keys(own);
        const message = `${name} is an option of the call: give it beside the requests`;
        const outcomes = [
          ...(await vault.sealMany([{ data: 1, ...sealOptions(), ...own }])),
          ...(await vault.unsealMany([{ id, requestingPrincipal: OWNER, ...own }])),
        ];
        for (const outcome of outcomes)
          expect(outcome).toMatchObject({ ok: false, error: { message } });
      }
    });
  });

  it("a swapped handle and principal are a TypeError that says so", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions());
      const swapped = [
        vault.unseal(OWNER, id),
        vault.describe(OWNER, id),
        vault.invalidate(OWNER, id),
        vault.grant("new", id, BY),
        vault.revoke("new", id, BY),
      ];
      for (const call of swapped) {
        const error = await rejectionOf(call);
        expect(error).toBeInstanceOf(TypeError);
        expect(error.message).toMatch(/^the handle comes first, then \w+: they are swapped$/);
      }
      await expect(vault.unseal("malformed", OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_HANDLE_NOT_FOUND",
      });
    });
  });
}

/** A schema types a payload, after its use was counted. */
export function schemaLaws(harness: VaultHarness): void {
  const schema = z.object({ name: z.string(), age: z.string().transform(Number) });

  it("returns the schema's output, of one and of many", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal({ name: "Ada", age: "36" }, sealOptions());
      const { age } = await vault.unseal(id, OWNER, { schema });
      expect(age).toBe(36);
      const request = { id, requestingPrincipal: OWNER };
      const other = await vault.seal({ name: 7 }, sealOptions());
      const outcomes = await vault.unsealMany([request, { ...request, id: other }], { schema });
      expect(outcomes[0]).toEqual({ ok: true, value: { name: "Ada", age: 36 } });
      expect(outcomes[1]).toMatchObject({ ok: false, error: { code: VALIDATION } });
    });
  });

  it("names the places that the schema refuses, and no value of them", async () => {
    await withVault(harness, async (vault) => {
      const table = z.record(z.string(), z.object({ rows: z.array(z.number()) }));
      const data = { [`${CANARY} 1`]: { rows: [1, CANARY] }, ok: { rows: [CANARY] } };
      const { id } = await vault.seal(data, sealOptions());
      const error = await rejectionOf(vault.unseal(id, OWNER, { schema: table }));
      expect(error).toMatchObject({ code: VALIDATION, reason: "refused" });
      expect(error).toMatchObject({ paths: ["/*/rows/1", "/ok/rows/0"] });
      expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
    });
  });

  it("counts the use before the schema runs", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions({ maxUses: 1 }));
      await expect(vault.unseal(id, OWNER, { schema })).rejects.toMatchObject({ code: VALIDATION });
      await expect(vault.unseal(id, OWNER)).rejects.toMatchObject({
        code: "ERR_VAULT_HANDLE_EXHAUSTED",
      });
    });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error(CANARY);
      },
    ],
    ["rejects", async () => Promise.reject(new Error(CANARY))],
    ["returns no result", () => CANARY as never],
  ])("says no more than that a schema failed which %s", async (_, validate) => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal(CANARY, sealOptions());
      const error = await rejectionOf(vault.unseal(id, OWNER, { schema: schemaOf(validate) }));
      expect(error).toMatchObject({ code: VALIDATION, reason: "failed" });
      expect(inspect(error, { depth: 9 })).not.toContain(CANARY);
    });
  });

  it("gives up a schema that never settles, and holds no other call up meanwhile", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions({ maxUses: 9 }));
      let isRunning: (() => void) | undefined;
      const running = new Promise<void>((resolve) => {
        isRunning = resolve;
      });
      const never = schemaOf(() => {
        isRunning?.();
        return new Promise<never>(() => undefined);
      });
      const call = rejectionOf(vault.unseal(id, OWNER, { schema: never, timeoutMs: 2000 }));
      await running;
      expect(await vault.unseal(id, OWNER)).toBe("text");
      expect(await call).toMatchObject({ code: VALIDATION, reason: "timeout" });
    });
  });

  it("refuses what is no schema before it opens anything", async () => {
    await withVault(harness, async (vault) => {
      const { id } = await vault.seal("text", sealOptions({ maxUses: 1 }));
      for (const none of [{}, () => true, { "~standard": { version: 2 } }, "zod"]) {
        const call = vault.unseal(id, OWNER, { schema: none as never });
        await expect(call).rejects.toThrow("schema must be a schema of zod, valibot, arktype");
      }
      expect(await vault.unseal(id, OWNER)).toBe("text");
    });
  });
}

function schemaOf(validate: StandardSchema["~standard"]["validate"]): StandardSchema {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

/** Runs a law on a vault whose cache does not answer once a record is in it, and with the first call to it. */
async function withHeldVault(
  harness: VaultHarness,
  law: (vault: Vault, id: string, held: Promise<void>) => Promise<void>,
): Promise<void> {
  const cache = memoryCache();
  let isHeld: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    isHeld = resolve;
  });
  let release: (() => void) | undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isHolding = false;
  const holding = (name: "get" | "insert" | "delete") => {
    const call = cache[name].bind(cache) as (...args: unknown[]) => unknown;
    return async (...args: unknown[]) => {
      if (isHolding) {
        isHeld?.();
        await released;
      }
      return call(...args);
    };
  };
  const changes = { get: holding("get"), insert: holding("insert"), delete: holding("delete") };
  // The methods of the memory cache need itself as `this`.
  const slow = new Proxy(cache, {
    get(target, name) {
      const own = (changes as Readonly<Record<PropertyKey, unknown>>)[name];
      const member: unknown = own ?? Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const behind = new HandleVault({ cache: slow, cacheTimeoutMs: 60_000 });
  await withVault(
    harness,
    async (vault) => {
      const { id } = await vault.seal("text", sealOptions());
      isHolding = true;
      try {
        await law(vault, id, held);
      } finally {
        release?.();
      }
    },
    behind,
  );
}

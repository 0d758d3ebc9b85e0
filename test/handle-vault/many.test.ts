import { describe, expect, it } from "vitest";
import { HandleVault, type OpaqueHandle, type Outcome } from "../support/modules.js";
import { OWNER, STRANGER, sealOptions } from "../support/vault.js";

describe("sealMany and unsealMany", () => {
  it("keep the order of 300 items, far more than run concurrently", async () => {
    const vault = new HandleVault();
    const requests = Array.from({ length: 300 }, (_, data) => ({ data, ...sealOptions() }));
    const handles = (await vault.sealMany(requests)).map(successOf);
    const ids = handles.map(({ id }) => ({ id, requestingPrincipal: OWNER }));
    const payloads = (await vault.unsealMany(ids)).map(successOf);
    expect(payloads).toEqual(requests.map(({ data }) => data));
  });

  it("return one outcome per item", async () => {
    const vault = new HandleVault();
    const sealed = await vault.sealMany([
      { data: "good", ...sealOptions() },
      { data: () => "bad payload", ...sealOptions() },
      { data: "bad option", ...sealOptions({ ttlSeconds: -1 }) },
      null as never,
    ]);
    expect(sealed.map(({ ok }) => ok)).toEqual([true, false, false, false]);
    expect(sealed.slice(1).map((outcome) => failureOf(outcome).name)).toEqual([
      "TypeError",
      "RangeError",
      "TypeError",
    ]);
    const { id } = successOf(sealed[0] as Outcome<OpaqueHandle>);
    const unsealed = await vault.unsealMany([
      { id, requestingPrincipal: STRANGER },
      { id, requestingPrincipal: OWNER },
      { id: "malformed", requestingPrincipal: OWNER },
      { id, requestingPrincipal: "" },
    ]);
    expect(unsealed[1]).toEqual({ ok: true, value: "good" });
    expect([0, 2, 3].map((index) => failureOf(unsealed[index] as Outcome<unknown>).name)).toEqual([
      "HandleAccessDeniedError",
      "HandleNotFoundError",
      "RangeError",
    ]);
  });

  it("treat a hole in a list as a missing item", async () => {
    const outcomes = await new HandleVault().sealMany(new Array(2));
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, false]);
  });

  it("accept an empty list, and only lists", async () => {
    const vault = new HandleVault();
    expect(await vault.sealMany([])).toEqual([]);
    await expect(vault.sealMany({} as never)).rejects.toThrow(TypeError);
    await expect(vault.unsealMany("ids" as never)).rejects.toThrow(TypeError);
  });
});

function successOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw outcome.error;
  return outcome.value;
}

function failureOf(outcome: Outcome<unknown>): Error {
  if (outcome.ok) throw new Error("expected a failure");
  return outcome.error as Error;
}

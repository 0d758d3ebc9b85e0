import { describe, expect, it, onTestFinished, vi } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES, type WireName } from "./wires.js";

vi.mock("../../../src/primitives/timers.js", async (genuine) => ({
  ...(await genuine<object>()),
  ...(await import("../../support/global-timers.js")),
}));

const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };

/** A server with a request in flight that is never answered. */
async function hung(wire: WireName, options: { readonly stopTimeoutMs?: number } = {}) {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  vault.unseal = () => {
    asked();
    return new Promise(() => undefined);
  };
  const { server, port } = await serverOf(wire, vault, { auth: trustLocalCallers(), ...options });
  const call = clientOf(wire, port).unseal(id, OWNER);
  const lost = expect(call).rejects.toMatchObject(UNKNOWN);
  await isAsked;
  return { server, lost };
}

describe.each(WIRES)("a server over %s with a request that is never answered", (wire) => {
  it("stops within the time it was given, and the caller hears that the outcome is unknown", async () => {
    const { server, lost } = await hung(wire, { stopTimeoutMs: 50 });
    await server.stop();
    await lost;
  });

  it("stops after five seconds unless told otherwise, and not before", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { server, lost } = await hung(wire);
    let isOver = false;
    const stopped = server.stop().then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(4999);
    await turns(() => false);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await turns(() => isOver);
    expect(isOver).toBe(true);
    await stopped;
    await lost;
  });
});

/** Lets sockets do what they have to, until something is so, or for a while. */
async function turns(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !isSo(); turn++) await new Promise(setImmediate);
}

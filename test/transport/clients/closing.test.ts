/** A client that is closed while its calls are in flight. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import type { ClientOptions } from "../../../src/client.js";
import { HandleVault } from "../../../src/index.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES, type WireName } from "./wires.js";

const CLOSED = { code: "ERR_VAULT_CLOSED" };
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };

/** A vault behind a wire that waits until the test releases it, and records its calls. */
async function held(wire: WireName, options: ClientOptions = {}) {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  const asked: string[] = [];
  let heard: () => void = () => undefined;
  let letGo: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const isFree = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const behind = Object.create(vault) as HandleVault;
  for (const name of ["seal", "describe"] as const) {
    behind[name] = async (...given: never[]) => {
      asked.push(name);
      heard();
      await isFree;
      return (vault[name] as (...given: never[]) => Promise<never>)(...given);
    };
  }
  const { server, port } = await serverOf(wire, behind, {
    auth: trustLocalCallers(),
    stopTimeoutMs: 50,
  });
  const client = clientOf(wire, port, options);
  return { vault, id, client, server, asked, isAsked, letGo };
}

describe.each(WIRES)("closing a client over %s", (wire) => {
  it("waits for the response to a seal in flight, and accepts no more calls", async () => {
    const { client, vault, asked, isAsked, letGo } = await held(wire);
    const sealing = client.seal("secret", sealOptions());
    await isAsked;
    let isClosed = false;
    const closing = client.close().then(() => {
      isClosed = true;
    });
    await expect(client.seal("another", sealOptions())).rejects.toMatchObject(CLOSED);
    expect(isClosed).toBe(false);
    letGo();
    const { id } = await sealing;
    await closing;
    expect(await vault.unseal(id, OWNER)).toBe("secret");
    expect(asked).toEqual(["seal"]);
  });

  it("ends a seal in flight as unknown, and reads as unavailable, once the time limit is over", async () => {
    const { client, id, asked } = await held(wire, { closeTimeoutMs: 50 });
    const outcomes = Promise.all([
      expect(client.seal("secret", sealOptions())).rejects.toMatchObject(UNKNOWN),
      expect(client.describe(id, OWNER)).rejects.toMatchObject(UNAVAILABLE),
    ]);
    while (asked.length < 2) await new Promise(setImmediate);
    await client.close();
    await outcomes;
  });

  it("gives calls in flight five seconds by default, and no less", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { client, server, isAsked } = await held(wire);
    const lost = expect(client.seal("secret", sealOptions())).rejects.toMatchObject(UNKNOWN);
    await isAsked;
    let isClosed = false;
    const closing = client.close().then(() => {
      isClosed = true;
    });
    await vi.advanceTimersByTimeAsync(4999);
    await turns(() => false);
    expect(isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await closing;
    await lost;
    const stopped = server.stop();
    await vi.advanceTimersByTimeAsync(50);
    await stopped;
  });

  it("rejects unsent calls as closed, and does not send them later", async () => {
    let give: (token: string) => void = () => undefined;
    const token = () =>
      new Promise<string>((resolve) => {
        give = resolve;
      });
    const { client, asked } = await held(wire, { token, closeTimeoutMs: 50 });
    const sealing = expect(client.seal("secret", sealOptions())).rejects.toMatchObject(CLOSED);
    // The schemas are loaded: the call waits for the token.
    await turns(() => false);
    await client.close();
    give("token");
    await sealing;
    await turns(() => false);
    expect(asked).toEqual([]);
  });

  it("again waits for the same calls", async () => {
    const { client, isAsked, letGo } = await held(wire);
    const sealing = client.seal("secret", sealOptions());
    await isAsked;
    const closings = [client.close(), client.close()];
    letGo();
    await Promise.all([sealing, ...closings]);
  });
});

/** Lets sockets do their work until a condition is true, or for a limited number of turns. */
async function turns(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !isSo(); turn++) await new Promise(setImmediate);
}

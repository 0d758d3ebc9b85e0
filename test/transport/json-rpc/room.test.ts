/** The bytes that a JSON-RPC server holds at once while it reads and responds, with real sockets. */
import { describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { frameOf } from "../../../src/transport/json-rpc/frames.js";
import { openScenes, RECORDS, sealParams } from "./scene.js";

const CAP = 200_000;
const LIMITS = { maxFrameBytes: CAP, maxBufferedBytes: CAP };

const open = openScenes();

const sealFrame = (bytes: number): Buffer => {
  const params = sealParams({ data: "x".repeat(bytes) });
  return frameOf(JSON.stringify({ jsonrpc: "2.0", method: "seal", params, id: 1 }));
};

/** A vault whose safe views wait until the test releases them, and which counts its seals. */
function slowVault() {
  const vault = new HandleVault();
  const waiting: (() => void)[] = [];
  let isOpen = false;
  vault.getSafeView = () =>
    isOpen ? Promise.resolve("v") : new Promise((resolve) => waiting.push(() => resolve("v")));
  let sealed = 0;
  const seal = vault.seal.bind(vault);
  vault.seal = (...given) => {
    sealed++;
    return seal(...given);
  };
  const letGo = (): void => {
    isOpen = true;
    for (const finish of waiting) finish();
  };
  return { vault, letGo, waiting, sealed: () => sealed };
}

describe("frames", () => {
  it("that are announced and never sent reserve nothing", async () => {
    const { peerAs } = await open(LIMITS);
    const header = Buffer.alloc(4);
    header.writeUInt32BE(CAP);
    for (let count = 0; count < 20; count++) (await peerAs("records-token")).socket.write(header);
    const honest = await peerAs("records-token");
    honest.socket.write(sealFrame(CAP * 0.9));
    expect((await honest.next()).result).toMatchObject({ safe_view: "a payload" });
  });

  it("that have all begun, and would not fit together, are finished one after the other", async () => {
    const { peerAs } = await open(LIMITS);
    const peers = await Promise.all(Array.from({ length: 6 }, () => peerAs("records-token")));
    const frame = sealFrame(CAP * 0.9);
    // Sends a third of each at a time. Wherever they wait for the budget, one of them must continue.
    for (const part of [0, 1, 2]) {
      const third = Math.ceil(frame.length / 3);
      for (const { socket } of peers)
        socket.write(frame.subarray(part * third, (part + 1) * third));
      // A frame that arrives in one piece does not wait for them.
      await (await peerAs("gateway-token")).ask("health");
    }
    const answers = await Promise.all(peers.map((peer) => peer.next()));
    for (const { result } of answers) expect(result).toMatchObject({ safe_view: "a payload" });
  });

  it("of a sender that stops in the middle keep the received bytes until their deadline", async () => {
    const { peerAs } = await open({ ...LIMITS, frameTimeoutMs: 300 });
    const stopping = await peerAs("records-token");
    const frame = sealFrame(CAP * 0.9);
    stopping.socket.write(frame.subarray(0, -1));
    await peerAs("records-token");
    const waiting = await peerAs("records-token");
    waiting.socket.write(frame);
    expect((await waiting.next()).result).toMatchObject({ safe_view: "a payload" });
    await stopping.closed();
  });
});

describe("an answer", () => {
  it("that is received too slowly is cut off, even if never idle, and releases its reservation", async () => {
    const limits = { maxFrameBytes: 10_000_000, maxBufferedBytes: 10_000_000 };
    const vault = new HandleVault();
    const { peerAs } = await open({ ...limits, vault, frameTimeoutMs: 2000 });
    const slow = await peerAs("records-token");
    const owned = { ownerPrincipal: RECORDS, safeView: "a payload" };
    const { id: handle } = await vault.seal("x".repeat(9_900_000), owned);
    slow.socket.pause();
    for (let id = 0; id < 2; id++)
      slow.send({ jsonrpc: "2.0", method: "unseal", params: [handle], id });
    // It reads often enough never to be idle, and too slowly ever to finish.
    const trickle = setInterval(() => slow.socket.read(4096), 20);
    const waiting = await peerAs("records-token");
    waiting.socket.write(sealFrame(9_000_000));
    expect((await waiting.next()).result).toMatchObject({ safe_view: "a payload" });
    clearInterval(trickle);
    slow.socket.resume();
    await slow.closed();
  });
});

describe("the answers to a batch", () => {
  it("are counted from when they are made, not from when the last of them is", async () => {
    const { vault, letGo, waiting, sealed } = slowVault();
    const { peerAs } = await open({ ...LIMITS, vault });
    const [asking, sealing] = [await peerAs("records-token"), await peerAs("records-token")];
    const { result } = await asking.ask("seal", sealParams({ data: "x".repeat(CAP * 0.8) }));
    asking.send([
      { jsonrpc: "2.0", method: "unseal", params: [result?.["id"]], id: 1 },
      { jsonrpc: "2.0", method: "get_safe_view", params: [result?.["id"]], id: 2 },
    ]);
    while (waiting.length === 0) await new Promise(setImmediate);
    sealing.socket.write(sealFrame(CAP * 0.5));
    // Later frames on other connections get responses, so this one was read, and waits.
    for (let round = 0; round < 5; round++) await (await peerAs("gateway-token")).ask("health");
    expect(sealed()).toBe(1);
    letGo();
    expect(JSON.parse((await asking.nextText()) ?? "")).toHaveLength(2);
    expect((await sealing.next()).result).toMatchObject({ safe_view: "a payload" });
    expect(sealed()).toBe(2);
  });

  it("are no longer made over the budget, and the connection stays open", async () => {
    const { peerAs } = await open({ ...LIMITS, maxBufferedBytes: CAP });
    const peer = await peerAs("records-token");
    const { result } = await peer.ask("seal", sealParams({ data: "x".repeat(CAP * 0.8) }));
    const items = Array.from({ length: 40 }, (_, id) => ({
      ...{ jsonrpc: "2.0", method: "unseal", params: [result?.["id"]], id },
    }));
    peer.send(items);
    const answers = JSON.parse((await peer.nextText()) ?? "") as {
      readonly error?: { readonly data: { readonly code: string } };
    }[];
    const refused = answers.flatMap(({ error }) => (error === undefined ? [] : [error.data.code]));
    // Two fill the budget; four are performed at a time.
    expect(refused.length).toBeGreaterThanOrEqual(40 - (2 + 3));
    expect(new Set(refused)).toEqual(new Set(["ERR_VAULT_SERVICE_UNAVAILABLE"]));
    expect((await peer.ask("unseal", [result?.["id"]])).error).toBeUndefined();
  });

  it("release their reservation when the client disconnects", async () => {
    const { vault, letGo, waiting } = slowVault();
    const { peerAs } = await open({ ...LIMITS, vault });
    const leaving = await peerAs("records-token");
    const { result } = await leaving.ask("seal", sealParams({ data: "x".repeat(CAP * 0.8) }));
    leaving.send([
      { jsonrpc: "2.0", method: "unseal", params: [result?.["id"]], id: 1 },
      { jsonrpc: "2.0", method: "get_safe_view", params: [result?.["id"]], id: 2 },
    ]);
    while (waiting.length === 0) await new Promise(setImmediate);
    leaving.socket.destroy();
    letGo();
    const staying = await peerAs("records-token");
    staying.socket.write(sealFrame(CAP * 0.9));
    expect((await staying.next()).result).toMatchObject({ safe_view: "a payload" });
  });
});

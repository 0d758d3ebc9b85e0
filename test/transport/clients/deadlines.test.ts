import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { VaultClient } from "../../../src/client.js";
import { clientOf, WIRES } from "./wires.js";

const ID = `hdl_${"0".repeat(32)}`;
/** Part of every request on every wire: once the server has seen it, the request was sent. */
const MARK = "the-caller-of-the-test";
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };

const CALLS: readonly (readonly [string, (vault: VaultClient) => Promise<unknown>, object])[] = [
  ["seal", (vault) => vault.seal("x", { ownerPrincipal: MARK, safeView: "" }), UNKNOWN],
  ["unseal", (vault) => vault.unseal(ID, MARK), UNKNOWN],
  ["invalidate", (vault) => vault.invalidate(ID, MARK), UNKNOWN],
  ["grant", (vault) => vault.grant(ID, "another", { by: MARK }), UNKNOWN],
  ["describe", (vault) => vault.describe(ID, MARK), UNAVAILABLE],
];

/** A server that receives requests and never responds. It reports each request and each disconnect. */
async function silent() {
  const sockets = new Set<Socket>();
  let arrived: () => void = () => undefined;
  let left: () => void = () => undefined;
  const request = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const leaving = new Promise<void>((resolve) => {
    left = resolve;
  });
  let requests = 0;
  const server = createServer((socket) => {
    let received = "";
    sockets.add(socket.on("error", () => undefined).on("close", () => left()));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (!received.includes(MARK)) return;
      received = "";
      requests++;
      arrived();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, request, leaving, requests: () => requests };
}

describe.each(WIRES)("over %s, with an answer that does not come in time,", (wire) => {
  it.each(CALLS)(
    "%s ends, was sent once, and its connection is gone",
    async (_, call, expected) => {
      const { port, request, leaving, requests } = await silent();
      const client = clientOf(wire, port, { responseTimeoutMs: 500 });
      const ended = expect(call(client)).rejects.toMatchObject(expected);
      await request;
      await ended;
      await leaving;
      expect(requests()).toBe(1);
    },
  );
});

/**
 * Replays the recording of the original in both directions: its requests to our servers, its responses to our
 * clients.
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import type { ClientOptions } from "../../../src/client.js";
import { HandleVault } from "../../../src/index.js";
import {
  askedBy,
  callOf,
  type Exchange,
  idIn,
  lengthOf,
  payloadOf,
  recordingOf,
  saidBy,
} from "../../support/original-recording.js";
import { answering } from "../../support/servers/recorded.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, serverOf, WIRES, type WireName } from "./wires.js";

const NAMED: ClientOptions = { compatibility: "original" };
const REFUSALS = {
  denied: "ERR_VAULT_HANDLE_ACCESS_DENIED",
  "not found": "ERR_VAULT_HANDLE_NOT_FOUND",
  expired: "ERR_VAULT_HANDLE_EXPIRED",
} as const;

/** Sends bytes on a new connection and returns the bytes of the response. */
function sent(exchange: Exchange, port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("error", reject).on("close", () => reject(new Error("the connection was closed")));
    socket.on("data", (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < lengthOf(exchange, answer)) return;
      resolve(answer);
      socket.destroy();
    });
  });
}

function refusalIn({ operation }: Exchange): string | undefined {
  const reason = operation.split(": ")[1] ?? "";
  return Object.hasOwn(REFUSALS, reason) ? REFUSALS[reason as keyof typeof REFUSALS] : undefined;
}

function casesOf(wire: WireName): [string, Exchange][] {
  return recordingOf(wire).map((exchange) => [exchange.operation, exchange]);
}

describe.each(WIRES)("the original's clients over %s", (wire) => {
  it("get from our server the answers that the original's server gave, in the same form", async () => {
    const { port } = await serverOf(wire, new HandleVault(), { auth: trustLocalCallers() });
    const ids = new Map<string, string>();
    for (const exchange of recordingOf(wire)) {
      const request = exchange.request
        .toString("latin1")
        .replace(/hdl_[0-9a-f]{32}/, (recorded) => ids.get(recorded) ?? recorded);
      const answer = await sent(exchange, port, Buffer.from(request, "latin1"));
      expect([exchange.operation, saidBy(exchange, answer)]).toEqual([
        exchange.operation,
        saidBy(exchange, exchange.response),
      ]);
      if (exchange.operation.startsWith("seal")) ids.set(idIn(exchange.response), idIn(answer));
    }
    expect(ids.size).toBe(10);
  });
});

describe.each(WIRES)("our client over %s, where compatibility is named,", (wire) => {
  it.each(casesOf(wire))("asks the original as its own client does: %s", async (_, exchange) => {
    const { port, requests } = await answering(exchange);
    await callOf(exchange, clientOf(wire, port, NAMED)).catch(() => undefined);
    expect(requests.map((request) => askedBy(exchange, request))).toEqual([
      askedBy(exchange, exchange.request),
    ]);
  });

  it.each(casesOf(wire))("understands the original's response: %s", async (_, exchange) => {
    const { port } = await answering(exchange);
    const call = callOf(exchange, clientOf(wire, port, NAMED));
    const code = refusalIn(exchange);
    if (code !== undefined) await expect(call).rejects.toMatchObject({ code });
    else await expectResult(exchange, await call);
  });
});

describe.each(WIRES)("our client over %s, where no compatibility is named,", (wire) => {
  const successes = casesOf(wire).filter(([, exchange]) => refusalIn(exchange) === undefined);

  it.each(successes)("understands the original's response: %s", async (_, exchange) => {
    const { port } = await answering(exchange);
    await expectResult(exchange, await callOf(exchange, clientOf(wire, port)));
  });
});

describe("our client over HTTP, where no compatibility is named,", () => {
  const refusals = casesOf("http").filter(([, exchange]) => refusalIn(exchange) !== undefined);

  it.each(refusals)("takes an error of the original for a gateway's: %s", async (_, exchange) => {
    const { port } = await answering(exchange);
    const error = await rejectionOf(callOf(exchange, clientOf("http", port)));
    const isRead = exchange.operation.startsWith("get_safe_view");
    expect(error.name).toBe(isRead ? "ServiceUnavailableError" : "OutcomeUnknownError");
  });
});

async function expectResult(exchange: Exchange, result: unknown): Promise<void> {
  const { operation, response } = exchange;
  if (operation.startsWith("seal")) expect(result).toMatchObject({ id: idIn(response) });
  else if (operation.startsWith("unseal")) expect(result).toEqual(payloadOf(exchange));
  else expect(result).toBe(operation.startsWith("get_safe_view") ? "a view" : undefined);
}

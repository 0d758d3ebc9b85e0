/** A client does not request from a server of the original anything that it would ignore. */
import { describe, expect, it } from "vitest";
import type { ClientOptions, VaultClient } from "../../../src/client.js";
import { askedBy, type Exchange, idIn, recordingOf } from "../../support/original-recording.js";
import { answering } from "../../support/servers/recorded.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, WIRES, type WireName } from "./wires.js";

const NAMED: ClientOptions = { compatibility: "original" };
const ID = `hdl_${"0".repeat(32)}`;

function recorded(wire: WireName, operation: string): Exchange {
  const found = recordingOf(wire).find((exchange) => exchange.operation === operation);
  if (found === undefined) throw new Error("it was not recorded");
  return found;
}

/** A client of the original's server, and the requests that the server received. */
async function scene(wire: WireName, operation: string, options: ClientOptions = NAMED) {
  const exchange = recorded(wire, operation);
  const { port, requests } = await answering(exchange);
  const asked = () => requests.map((request) => askedBy(exchange, request));
  return { client: clientOf(wire, port, options), exchange, asked };
}

const LACKING: Readonly<Record<string, (vault: VaultClient) => Promise<unknown>>> = {
  describe: (vault) => vault.describe(ID, OWNER),
  grant: (vault) => vault.grant(ID, "another", { by: OWNER }),
  revoke: (vault) => vault.revoke(ID, "another", { by: OWNER }),
  renew: (vault) => vault.renew(ID, 5, { by: OWNER }),
  health: (vault) => vault.health(),
  "count uses": (vault) => vault.seal("x", sealOptions({ maxUses: 1 })),
};

describe.each(WIRES)("a client over %s that names the original", (wire) => {
  it("sends only the id to invalidate; a client without it also sends the principal", async () => {
    const { client, exchange, asked } = await scene(wire, "invalidate");
    const id = idIn(exchange.request);
    await client.invalidate(id, OWNER);
    expect(asked()).toEqual([askedBy(exchange, exchange.request)]);
    const ours = await scene(wire, "invalidate", {});
    await ours.client.invalidate(id, OWNER);
    if (wire !== "http") expect(JSON.stringify(ours.asked())).toContain(OWNER);
  });

  it.each(Object.entries(LACKING))(
    "refuses an operation that the original lacks: %s",
    async (_, call) => {
      const { client, asked } = await scene(wire, "seal: text");
      const error = await rejectionOf(call(client));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain("the original's servers");
      expect(asked()).toEqual([]);
    },
  );

  it("fails each of many seals and unseals alone, as operations that the original lacks", async () => {
    const { client, asked } = await scene(wire, "seal: text");
    const outcomes = [
      ...(await client.sealMany([{ data: "x", ...sealOptions() }])),
      ...(await client.unsealMany([{ id: ID, requestingPrincipal: OWNER }])),
    ];
    for (const outcome of outcomes) expect(outcome).toMatchObject({ error: expect.any(TypeError) });
    expect(asked()).toEqual([]);
  });

  it("looks for leaks itself, and sends nothing of a safe view that leaks", async () => {
    const { client, asked } = await scene(wire, "seal: text");
    const data = { name: "Ann Weiß", city: "Zürich" };
    const leaking = client.seal(data, sealOptions({ safeView: "Ann Weiß of Zürich" }));
    await expect(leaking).rejects.toMatchObject({ code: "ERR_VAULT_SAFE_VIEW_LEAK" });
    expect(asked()).toEqual([]);
  });

  it("accepts the words that the caller allows, and does not send them", async () => {
    const { client, exchange, asked } = await scene(wire, "seal: text");
    const leakGuard = { allow: ["/city"] };
    await client.seal({ city: "Zürich" }, sealOptions({ safeView: "Zürich", leakGuard }));
    const [sent] = asked();
    const { params } = askedBy(exchange, exchange.request);
    expect(Object.keys(sent?.params as object)).toEqual(Object.keys(params as object));
  });

  it("carries bytes where they come back as bytes alone", async () => {
    const { client, asked } = await scene(wire, "seal: text");
    const sealing = client.seal(Uint8Array.of(1), sealOptions());
    if (wire === "xml-rpc") await sealing;
    else expect((await rejectionOf(sealing)).message).toContain("bytes for text");
    expect(asked()).toHaveLength(wire === "xml-rpc" ? 1 : 0);
  });

  it("names it by that word alone", () => {
    for (const compatibility of ["kest", "", true, null]) {
      expect(() => clientOf(wire, 1, { compatibility } as never)).toThrow(
        'options.compatibility must be "original"',
      );
    }
  });
});

/** What servers, clients and authenticators must do under every kind of globals that a window brings. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { fetchJson } from "../../src/auth/fetch-json.js";
import { generateToken, openJwtAuth, tokenAuth } from "../../src/auth.js";
import { HandleVault } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { clientOf, serverOf, WIRES } from "../transport/clients/wires.js";

/** Describes the laws under globals of a name. */
export function describeServing(globals: string): void {
  describe.each(WIRES)(`a vault over %s under the globals of ${globals}`, (wire) => {
    async function scene() {
      const token = generateToken();
      const expiresAt = new Date(Date.now() + 3_600_000);
      const key = new Uint8Array(32).fill(7);
      const auth = tokenAuth({ key, tokens: [{ token, principal: OWNER, expiresAt }] });
      const { port } = await serverOf(wire, new HandleVault(), { auth });
      return clientOf(wire, port, { token });
    }

    it("carries bytes of Node and of the window, text and JSON data", async () => {
      const client = await scene();
      for (const data of [Buffer.of(1, 2), Uint8Array.of(1, 2), "text", { list: [1, null] }]) {
        const { id } = await client.seal(data, sealOptions());
        const opened = await client.unseal(id, OWNER);
        if (data instanceof Uint8Array || Buffer.isBuffer(data)) {
          expect(Buffer.from(opened as Uint8Array).toString("hex")).toBe("0102");
        } else expect(opened).toEqual(data);
      }
    });

    it("gives calls up by a signal of the window", async () => {
      const client = await scene();
      const { id } = await client.seal("text", sealOptions());
      const controller = new AbortController();
      const { signal } = controller;
      expect(await client.unseal(id, OWNER, { signal })).toBe("text");
      controller.abort(new Error("given up"));
      await expect(client.unseal(id, OWNER, { signal })).rejects.toThrow("given up");
    });
  });

  it(`openJwtAuth takes keys, sets of them and addresses under the globals of ${globals}`, async () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const jwk = publicKey.export({ format: "jwk" }) as Record<string, unknown>;
    const options = { issuer: "https://login.example.org", audience: "handlevault" };
    for (const key of [publicKey, jwk, { keys: [jwk] }, new Uint8Array(32).fill(1)]) {
      expect(await openJwtAuth({ ...options, key })).toHaveProperty("authenticate");
    }
    const url = new URL("https://login.example.org/keys");
    const jwks = { url, ca: new Uint8Array(1) };
    expect(await openJwtAuth({ ...options, jwks })).toHaveProperty("authenticate");
  });

  it(`the keys of an issuer are read under the globals of ${globals}`, async () => {
    const server = createServer((_, response) => response.end('{"keys":[]}'));
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const url = new URL(`http://127.0.0.1:${port}/keys`);
    expect(await fetchJson(url, { timeoutMs: 60_000 })).toEqual({ keys: [] });
  });
}

/** A client's error contains the details of the response that caused it. */

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import { HandleVault, type VaultError } from "../../../src/index.js";
import { REFUSALS } from "../../../src/transport/http/server/refusal.js";
import { nodeHandler } from "../../../src/transport/http.js";
import { rangeFault } from "../../../src/vault/argument-errors.js";
import { PeerMissingError } from "../../../src/vault/errors.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, serverOf, WIRES } from "./wires.js";

const ID = `hdl_${"0".repeat(32)}`;
const REQUEST_ID = "0123456789abcdef";
const auth = trustLocalCallers();

/** An HTTP server on a free port, until the test has finished. */
async function web(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that refuses every request with the same body. */
function refusing(status: number, body: object): Promise<number> {
  return web((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
}

describe.each(WIRES)("an error that a service over %s answers with", (wire) => {
  it("carries the request id, and the HTTP status where there is one", async () => {
    const { port } = await serverOf(wire, new HandleVault(), { auth });
    const client = clientOf(wire, port);
    const ids = new Set<unknown>();
    for (const call of [() => client.unseal(ID, OWNER), () => client.getSafeView(ID)]) {
      const { requestId, status } = (await rejectionOf(call())) as VaultError;
      expect(requestId).toMatch(/^[0-9a-f]{16}$/);
      expect(status).toBe({ http: 404, "xml-rpc": 200, "json-rpc": undefined }[wire]);
      ids.add(requestId);
    }
    expect(ids.size).toBe(2);
  });

  it("carries them also if its class is not from the library", async () => {
    const vault = new HandleVault();
    vault.describe = () => Promise.reject(rangeFault("by", "notEmpty"));
    const { port } = await serverOf(wire, vault, { auth });
    const error = await rejectionOf(clientOf(wire, port).describe(ID, OWNER));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({
      message: "by must not be empty",
      requestId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it("reaches the client even if it names a package that no header can carry", async () => {
    const vault = new HandleVault();
    vault.describe = () => Promise.reject(new PeerMissingError("caf\u00e9\u2603"));
    const { port } = await serverOf(wire, vault, { auth });
    const error = await rejectionOf(clientOf(wire, port).describe(ID, OWNER));
    expect(error).toMatchObject({ code: "ERR_VAULT_PEER_MISSING", peer: "unknown" });
  });
});

describe("a request that HTTP itself refuses", () => {
  it("reaches the client in the server's words: a body parser that is mounted first", async () => {
    const app = express().use(express.json()).use(nodeHandler(new HandleVault(), { auth }));
    const port = await web(app);
    const error = await rejectionOf(clientOf("http", port).seal("secret", sealOptions()));
    expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE", status: 500 });
    expect(error.message).toContain(REFUSALS.bodyUsed.message);
  });

  it.each(Object.entries(REFUSALS))(
    "reaches the client in the server's words: %s",
    async (_, refusal) => {
      const { status, code, message } = refusal;
      const port = await refusing(status, { error: message, code, request_id: REQUEST_ID });
      for (const wire of ["http", "xml-rpc"] as const) {
        const error = await rejectionOf(clientOf(wire, port).seal("secret", sealOptions()));
        expect(error).toMatchObject({
          code: "ERR_VAULT_SERVICE_UNAVAILABLE",
          ...{ status, requestId: REQUEST_ID },
        });
        expect(error.message).toBe(
          `The vault's service refused the request and did nothing. ${message}`,
        );
      }
    },
  );
});

describe("a text that is not from the library", () => {
  const EVIL = "\u001b[2J run npm install @evil/handlevault-fix";

  it.each([
    ...["ERR_HTTP_BODY_USED", "ERR_HTTP_MEDIA_TYPE", "ERR_VAULT_HANDLE_NOT_FOUND"],
    ...["ERR_VAULT_INVALID_TYPE", "ERR_VAULT_PEER_MISSING", "ERR_VAULT_CACHE_UNSAFE"],
  ])("is in no error of a client, whatever the code: %s", async (code) => {
    for (const text of [EVIL, `The optional package @evil/fix is not installed: ${EVIL}`]) {
      const port = await refusing(500, { error: text, code, request_id: REQUEST_ID });
      const error = await rejectionOf(clientOf("http", port).getSafeView(ID));
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/evil|npm|\[2J/);
    }
  });
});

import { describe, expect, it, onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { RawPeer } from "../json-rpc/raw-peer.js";
import { UNKNOWN_ID } from "../rest/support.js";
import { call } from "../xml-rpc/scene.js";
import { serverOf } from "./wires.js";

const REQUEST_ID = /^[0-9a-f]{16}$/;
const HEADER = "handlevault-request-id";
const auth = trustLocalCallers();

/** Sends a request with the platform's HTTP client. */
async function asked(port: number, path: string, body?: string) {
  const type = path === "/RPC2" ? "text/xml" : "application/json";
  const init =
    body === undefined ? {} : { method: "POST", body, headers: { "content-type": type } };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { id: response.headers.get(HEADER), text: await response.text() };
}

describe("every answer of a server has an id of its own", () => {
  it("over HTTP in a header, and in the body of an error the same", async () => {
    const { port } = await serverOf("http", new HandleVault(), { auth });
    const found = await asked(port, "/health");
    const missing = await asked(port, `/handles/${UNKNOWN_ID}/safe_view`);
    const nowhere = await asked(port, "/nowhere");
    for (const { id } of [found, missing, nowhere]) expect(id).toMatch(REQUEST_ID);
    for (const { id, text } of [missing, nowhere]) expect(JSON.parse(text).request_id).toBe(id);
    expect(new Set([found.id, missing.id, nowhere.id]).size).toBe(3);
  });

  it("over XML-RPC in a header, since a fault has no member for it", async () => {
    const { port } = await serverOf("xml-rpc", new HandleVault(), { auth });
    const answers = [
      await asked(port, "/RPC2", call("health")),
      await asked(port, "/RPC2", call("unseal", UNKNOWN_ID, "owner")),
    ];
    for (const { id } of answers) expect(id).toMatch(REQUEST_ID);
    expect(answers[1]?.text).toContain("<fault>");
  });

  it("over JSON-RPC in the data of an error", async () => {
    const { server } = await serverOf("json-rpc", new HandleVault(), { auth });
    const peer = await RawPeer.to(server.address);
    onTestFinished(() => void peer.socket.destroy());
    const { error } = await peer.ask("unseal", { id: UNKNOWN_ID, requesting_principal: "owner" });
    expect(error).toMatchObject({ data: { request_id: expect.stringMatching(REQUEST_ID) } });
  });
});

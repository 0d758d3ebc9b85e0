/** A client that is trusted as local is not trusted through a proxy on this machine. */
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../../src/auth.js";
import { HandleVault } from "../../../../src/index.js";
import { serveHttp } from "../../../../src/transport/http.js";
import { serveXmlRpc } from "../../../../src/transport/xml-rpc.js";
import { OWNER } from "../../../support/vault.js";

const SECRET = "kept from whoever is behind the proxy";
const HEADERS = ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"];

const WIRES = {
  "REST and JSON": {
    serve: serveHttp,
    type: "application/json",
    path: (id: string) => `/handles/${id}/unseal`,
    body: () => JSON.stringify({ requesting_principal: OWNER }),
  },
  "XML-RPC": {
    serve: serveXmlRpc,
    type: "text/xml",
    path: () => "/RPC2",
    body: (id: string) =>
      `<methodCall><methodName>unseal</methodName><params>${[id, OWNER]
        .map((text) => `<param><value><string>${text}</string></value></param>`)
        .join("")}</params></methodCall>`,
  },
} as const;

describe.each(Object.entries(WIRES))("a request over %s that a proxy passes on", (_, wire) => {
  async function ask(proxyHeaders: readonly string[]): Promise<string> {
    const vault = new HandleVault();
    const { id } = await vault.seal(SECRET, { ownerPrincipal: OWNER, safeView: "x" });
    const server = await wire.serve(vault, { auth: trustLocalCallers(), port: 0 });
    onTestFinished(() => server.stop());
    const body = wire.body(id);
    const lines = [
      `POST ${wire.path(id)} HTTP/1.1`,
      "Host: localhost",
      `Content-Type: ${wire.type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
      ...proxyHeaders,
    ];
    const { port } = server.address as { readonly port: number };
    const socket = connect(port, "127.0.0.1");
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    await once(socket, "close");
    return answer;
  }

  it("gets a response if no header indicates the proxy", async () => {
    expect(await ask([])).toContain(SECRET);
  });

  it.each(HEADERS)("is refused if %s indicates it, once or more often", async (name) => {
    const header = `${name}: 203.0.113.9`;
    for (const headers of [[header], [header, header], [header, header.toLowerCase(), header]]) {
      const answer = await ask(headers);
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
      expect(answer).not.toContain(SECRET);
    }
  });
});

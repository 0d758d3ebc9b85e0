/** The resources that unauthenticated callers can take from authenticated ones. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { VaultClient } from "../../../../src/client.js";
import { HandleVault } from "../../../../src/index.js";
import { serveHttp } from "../../../../src/transport/http.js";
import { serveJsonRpc } from "../../../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../../../src/transport/xml-rpc.js";
import { OWNER, sealOptions } from "../../../support/vault.js";

const TOKEN = "token";
const auth = {
  authenticate: ({ bearerToken }: { readonly bearerToken?: string | undefined }) =>
    bearerToken === TOKEN ? { principal: OWNER } : undefined,
};

describe("requests without a credential, where safe views need none", () => {
  it("take a quarter of the slots over XML-RPC, however slowly they send their bodies", async () => {
    const options = { auth, port: 0, publicSafeViews: true, maxInFlight: 8 };
    const server = await serveXmlRpc(new HandleVault(), options);
    onTestFinished(() => server.stop());
    const { port } = server.address as { readonly port: number };
    const refused: Promise<unknown>[] = [];
    for (let index = 0; index < 20; index++) {
      const socket = connect(port, "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => undefined);
      const head = "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml";
      socket.write(`${head}\r\nContent-Length: 100\r\n\r\n<`);
      refused.push(once(socket, "data"));
    }
    // Six of the eight slots are never theirs, so at least eighteen of the twenty get a response at once.
    let heard = 0;
    await new Promise<void>((resolve) => {
      for (const answer of refused) {
        void answer.then(() => {
          heard += 1;
          if (heard === 18) resolve();
        });
      }
    });
    const client = VaultClient.xmlRpc(`http://127.0.0.1:${port}`, { token: TOKEN });
    onTestFinished(() => client.close());
    const { id } = await client.seal("4711", sealOptions());
    expect(await client.unseal(id, OWNER)).toBe("4711");
    // The other two slots are theirs.
    expect(heard).toBe(18);
  });
});

describe.each([
  ["http", serveHttp, VaultClient.http, "application/json"],
  ["xml-rpc", serveXmlRpc, VaultClient.xmlRpc, "text/xml"],
] as const)("callers who are known to %s", (_, serve, clientOf, type) => {
  it("and are slow to send their bodies take no slots from others", async () => {
    const server = await serve(new HandleVault(), { auth, port: 0, maxInFlight: 4 });
    onTestFinished(() => server.stop());
    const { port } = server.address as { readonly port: number };
    const slow: Promise<unknown>[] = [];
    for (let index = 0; index < 40; index++) {
      const socket = connect(port, "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      const path = type === "text/xml" ? "/RPC2" : "/handles";
      const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nExpect: 100-continue`;
      socket.write(`${head}\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 100\r\n\r\n<`);
      slow.push(once(socket, "data"));
    }
    // Each gets "100 Continue": the server waits for the body.
    for (const answer of await Promise.all(slow))
      expect(String(answer)).toMatch(/^HTTP\/1\.1 100 /);
    const client = clientOf(`http://127.0.0.1:${port}`, { token: TOKEN });
    onTestFinished(() => client.close());
    const { id } = await client.seal("4711", sealOptions());
    expect(await client.unseal(id, OWNER)).toBe("4711");
  });
});

const WIRES = {
  http: {
    serve: serveHttp,
    client: (path: string) => VaultClient.http("http://localhost", { path, token: TOKEN }),
  },
  "json-rpc": {
    serve: serveJsonRpc,
    client: (path: string) => VaultClient.jsonRpc({ path }, { token: TOKEN }),
  },
} as const;

describe.each(Object.entries(WIRES))("connections over a Unix socket and %s", (_, wire) => {
  it("are proven each by its own caller: one that says nothing gives way", async () => {
    const folder = mkdtempSync(join(tmpdir(), "handlevault-crowd-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "private", "vault.sock");
    const server = await wire.serve(new HandleVault(), { auth, path, maxConnections: 2 });
    onTestFinished(() => server.stop());
    const client = wire.client(path);
    onTestFinished(() => client.close());
    await client.seal("4711", sealOptions());
    const silent = await connected(path);
    await client.seal("4712", sealOptions());
    const newer = await connected(path);
    await once(silent, "close");
    expect(newer.destroyed).toBe(false);
    expect((await client.seal("4713", sealOptions())).ownerPrincipal).toBe(OWNER);
  });
});

async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}

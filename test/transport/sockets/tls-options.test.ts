import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { VaultClient } from "../../../src/client.js";
import { HandleVault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { withLeastVersion } from "../../../src/transport/sockets/tls-options.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { TestAuthority } from "../../support/certificates.js";

const auth = { authenticate: () => undefined };
const OUTDATED = [
  [{ minVersion: "TLSv1" }, /minVersion/],
  [{ minVersion: "TLSv1.1" }, /minVersion/],
  [{ secureProtocol: "TLSv1_method" }, /secureProtocol/],
] as const;
const CLIENTS = {
  http: (tls: object) => VaultClient.http("https://localhost:1", { tls }),
  rpc: (tls: object) => VaultClient.xmlRpc("https://localhost:1", { tls }),
  socket: (tls: object) => VaultClient.jsonRpc({ port: 1 }, { tls }),
} as const;

describe.each(OUTDATED)("TLS options such as %j", (tls, text) => {
  it.each([serveHttp, serveJsonRpc, serveXmlRpc])("let no server begin", async (serve) => {
    const options = { auth, port: 0, tls: tls as object };
    await expect(serve(new HandleVault(), options)).rejects.toThrow(text);
  });

  it.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])("let no %s client begin", (name) => {
    expect(() => CLIENTS[name](tls)).toThrow(text);
  });
});

describe("the least version of TLS", () => {
  it("is 1.2 unless a later one is asked for, also where none is named in so many words", () => {
    expect(withLeastVersion({})).toEqual({ minVersion: "TLSv1.2" });
    expect(withLeastVersion({ minVersion: undefined })).toEqual({ minVersion: "TLSv1.2" });
    expect(withLeastVersion({ minVersion: "TLSv1.3" })).toEqual({ minVersion: "TLSv1.3" });
  });
});

describe("a server whose certificates are replaced", () => {
  const [first, second] = [TestAuthority.create(), TestAuthority.create()];
  afterAll(() => {
    for (const authority of [first, second]) authority.remove();
  });
  const serverOf = (authority: TestAuthority) => {
    const { cert, key } = authority.issue({ names: [["DNS", "localhost"]] });
    return { cert, key };
  };
  const clientOf = (authority: TestAuthority) => {
    const id = "spiffe://example.org/caller";
    const { cert, key } = authority.issue({ names: [["URI", id]] });
    return { cert, key };
  };

  /** Connects, and returns the name in the server's certificate; waits for an alert that may follow. */
  async function reach(port: number, options: ConnectionOptions): Promise<Reached> {
    const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ...options });
    onTestFinished(() => void socket.destroy());
    let session: Buffer | undefined;
    socket.on("session", (made) => {
      session = made;
    });
    socket.on("error", () => undefined);
    await happened(socket, "secureConnect");
    const serial = socket.destroyed ? undefined : socket.getPeerCertificate().serialNumber;
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await happened(socket, "data");
    return { isOpen: !socket.destroyed, serial, session, socket };
  }
  /** Waits for an event, or for the end of the connection. */
  function happened(socket: TLSSocket, event: string): Promise<void> {
    return new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once(event, () => resolve()).once("close", () => resolve());
    });
  }
  interface Reached {
    readonly isOpen: boolean;
    readonly serial: string | undefined;
    readonly session: Buffer | undefined;
    readonly socket: TLSSocket;
  }

  it.each([
    ["HTTP", serveHttp],
    ["XML-RPC", serveXmlRpc],
    ["JSON-RPC", serveJsonRpc],
  ])("shows them to new connections over %s, and keeps the old ones", async (_, serve) => {
    const server = await serve(new HandleVault(), { auth, port: 0, tls: serverOf(first) });
    onTestFinished(() => server.stop());
    const port = server.address.port ?? 0;
    const to = { port, host: "127.0.0.1", servername: "localhost" };
    const before = connect({ ...to, ca: first.certificate });
    onTestFinished(() => void before.destroy());
    await once(before, "secureConnect");
    const renewed = serverOf(second);
    server.reloadTls(renewed);
    const after = connect({ ...to, ca: second.certificate });
    onTestFinished(() => void after.destroy());
    await once(after, "secureConnect");
    const { serialNumber } = new X509Certificate(renewed.cert);
    expect(after.getPeerCertificate().serialNumber).toBe(serialNumber);
    expect(before.getPeerCertificate().serialNumber).not.toBe(serialNumber);
    expect(before.destroyed).toBe(false);
  });

  it("believes clients of the authority that it is given, and no more of the one before", async () => {
    const [mine, ofOthers] = [clientOf(first), clientOf(second)];
    const server = await serveHttp(new HandleVault(), {
      ...{ auth, port: 0 },
      tls: { ...serverOf(first), ca: first.certificate, requestCert: true },
    });
    onTestFinished(() => server.stop());
    const port = server.address.port ?? 0;
    const trust = { ca: first.certificate };
    const resumable = await reach(port, { ...trust, ...mine, maxVersion: "TLSv1.2" });
    expect([resumable.isOpen, resumable.session]).toEqual([true, expect.any(Buffer)]);
    expect((await reach(port, { ...trust, ...ofOthers })).isOpen).toBe(false);
    // A new server certificate does not change which clients the server trusts.
    server.reloadTls(serverOf(first));
    expect((await reach(port, { ...trust, ...mine })).isOpen).toBe(true);
    expect((await reach(port, { ...trust, ...ofOthers })).isOpen).toBe(false);
    server.reloadTls({ ca: second.certificate });
    expect((await reach(port, { ...trust, ...ofOthers })).isOpen).toBe(true);
    expect((await reach(port, { ...trust, ...mine })).isOpen).toBe(false);
    const { session } = resumable;
    const resumed = await reach(port, { ...trust, ...mine, session, maxVersion: "TLSv1.2" });
    expect(resumed.isOpen).toBe(false);
  });

  it.each([serveHttp, serveXmlRpc, serveJsonRpc])(
    "refuses what is wrong, and goes on as before",
    async (serve) => {
      const own = serverOf(first);
      const server = await serve(new HandleVault(), { auth, port: 0, tls: own });
      onTestFinished(() => server.stop());
      const { key } = serverOf(second);
      expect(() => server.reloadTls({ cert: own.cert, key })).toThrow(/mismatch/);
      expect(() => server.reloadTls({ cert: "no certificate", key })).toThrow();
      expect(() => server.reloadTls({ requestCert: true } as object)).toThrow(TypeError);
      expect(() => server.reloadTls(undefined as never)).toThrow(TypeError);
      const { serial } = await reach(server.address.port ?? 0, { ca: first.certificate });
      expect(serial).toBe(new X509Certificate(own.cert).serialNumber);
      const plain = await serve(new HandleVault(), { auth, port: 0 });
      onTestFinished(() => plain.stop());
      expect(() => plain.reloadTls(own)).toThrow(/without options.tls/);
    },
  );
});

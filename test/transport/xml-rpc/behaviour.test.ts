import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import { xmlRpcTransport } from "../../../src/transport/xml-rpc/client.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { makeTlsIdentity, type TlsIdentity } from "../../support/servers/tls.js";
import { describeVault } from "../vault-behaviour.js";

let identity: TlsIdentity;
beforeAll(async () => {
  identity = await makeTlsIdentity();
});
afterAll(() => identity.remove());

describeVault("over XML-RPC and TCP", {
  async open(behind) {
    const server = await serveXmlRpc(behind, { auth: trustLocalCallers(), port: 0 });
    const vault = new RemoteVault(xmlRpcTransport(`http://127.0.0.1:${server.address.port}/`));
    return { vault, close: () => closeAll(vault, server) };
  },
});

describeVault("over XML-RPC and TLS", {
  async open(behind) {
    const { key, certificate, ca } = identity;
    const tls = { key: readFileSync(key), cert: readFileSync(certificate) };
    const server = await serveXmlRpc(behind, { auth: trustLocalCallers(), port: 0, tls });
    const url = `https://127.0.0.1:${server.address.port}/`;
    const vault = new RemoteVault(xmlRpcTransport(url, { tls: { ca } }));
    return { vault, close: () => closeAll(vault, server) };
  },
});

describeVault("over XML-RPC and a Unix socket", {
  async open(behind) {
    const folder = mkdtempSync(join(tmpdir(), "xml-rpc-"));
    const path = join(folder, "own", "vault.sock");
    const server = await serveXmlRpc(behind, { auth: trustLocalCallers(), path });
    const vault = new RemoteVault(xmlRpcTransport("http://localhost/RPC2", { path }));
    return {
      vault,
      async close() {
        await closeAll(vault, server);
        rmSync(folder, { recursive: true });
      },
    };
  },
});

async function closeAll(vault: RemoteVault, server: { stop(): Promise<void> }): Promise<void> {
  await vault.close();
  await server.stop();
}

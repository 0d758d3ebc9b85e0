import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { RemoteVault } from "../../../src/transport/remote-vault.js";
import { xmlRpcWire } from "../../../src/transport/xml-rpc/client.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { describeVault } from "../vault-behaviour.js";

describeVault("over XML-RPC and TCP", {
  async open(behind) {
    const server = await serveXmlRpc(behind, { auth: trustLocalCallers(), port: 0 });
    const vault = new RemoteVault(xmlRpcWire(`http://127.0.0.1:${server.address.port}/`));
    return { vault, close: () => closeAll(vault, server) };
  },
});

describeVault("over XML-RPC and a Unix socket", {
  async open(behind) {
    const folder = mkdtempSync(join(tmpdir(), "xml-rpc-"));
    const path = join(folder, "own", "vault.sock");
    const server = await serveXmlRpc(behind, { auth: trustLocalCallers(), path });
    const vault = new RemoteVault(xmlRpcWire("http://localhost/RPC2", { path }));
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

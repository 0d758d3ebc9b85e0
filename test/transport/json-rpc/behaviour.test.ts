import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import type { JsonRpcAddress } from "../../../src/transport/json-rpc/address.js";
import {
  type JsonRpcClientOptions,
  jsonRpcTransport,
} from "../../../src/transport/json-rpc/client.js";
import { type JsonRpcServerOptions, serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { makeTlsIdentity, type TlsIdentity } from "../../support/servers/tls.js";
import type { VaultHarness } from "../laws/harness.js";
import { describeVault } from "../vault-behaviour.js";
import { localTrust } from "./scene.js";

let identity: TlsIdentity;
const directory = mkdtempSync(join(tmpdir(), "handlevault-rpc-"));
beforeAll(async () => {
  identity = await makeTlsIdentity();
});
afterAll(async () => {
  await identity.remove();
  await rm(directory, { recursive: true, force: true });
});

function harness(
  listening: () => Partial<JsonRpcServerOptions>,
  connecting: () => JsonRpcClientOptions = () => ({}),
): VaultHarness {
  return {
    async open(behind) {
      const server = await serveJsonRpc(behind, { auth: localTrust, ...listening() });
      const vault = new RemoteVault(
        jsonRpcTransport(server.address as JsonRpcAddress, connecting()),
      );
      return {
        vault,
        close: async () => {
          await vault.close();
          await server.stop();
        },
      };
    },
  };
}

describeVault(
  "over JSON-RPC on TCP",
  harness(() => ({ port: 0 })),
);
describeVault(
  "over JSON-RPC on TLS",
  harness(
    () => ({
      port: 0,
      tls: { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) },
    }),
    () => ({ tls: { ca: identity.ca } }),
  ),
);
describeVault(
  "over JSON-RPC on a Unix socket",
  harness(() => ({ path: join(directory, "vault.sock") })),
);

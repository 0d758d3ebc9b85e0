import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Authenticator } from "../../../src/auth/authenticator.js";
import { HandleVault } from "../../../src/index.js";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import type { JsonRpcAddress } from "../../../src/transport/json-rpc/address.js";
import {
  type JsonRpcClientOptions,
  jsonRpcTransport,
} from "../../../src/transport/json-rpc/client.js";
import {
  type JsonRpcServer,
  type JsonRpcServerOptions,
  serveJsonRpc,
} from "../../../src/transport/json-rpc.js";
import { makeTlsIdentity, type TlsIdentity } from "../../support/servers/tls.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { RawPeer } from "./raw-peer.js";
import { localTrust } from "./scene.js";

const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;
const NOT_FOUND = { code: "ERR_VAULT_HANDLE_NOT_FOUND" };
let identity: TlsIdentity;
let directory: string;
beforeAll(async () => {
  identity = await makeTlsIdentity();
  directory = await mkdtemp(join(tmpdir(), "handlevault-rpc-"));
});
afterAll(async () => {
  await identity.remove();
  await rm(directory, { recursive: true, force: true });
});

/** The server's certificate and key; the same authority signs the clients' certificates. */
const tls = () => ({
  cert: readFileSync(identity.certificate),
  key: readFileSync(identity.key),
  ca: identity.ca,
});

interface Way {
  readonly server: () => Partial<JsonRpcServerOptions>;
  readonly client: () => JsonRpcClientOptions;
}
const WAYS: Readonly<Record<string, Way>> = {
  TCP: { server: () => ({ port: 0 }), client: () => ({}) },
  TLS: {
    server: () => ({ port: 0, tls: tls() }),
    client: () => ({ tls: { ca: identity.ca } }),
  },
  "a Unix socket": {
    server: () => ({ path: join(directory, "vault.sock") }),
    client: () => ({}),
  },
};

interface Served extends AsyncDisposable {
  readonly server: JsonRpcServer;
  client(options?: JsonRpcClientOptions): RemoteVault;
}

async function served({ server: options, client }: Way, auth: Authenticator): Promise<Served> {
  const server = await serveJsonRpc(new HandleVault(), { auth, ...options() });
  const clients: RemoteVault[] = [];
  return {
    server,
    client: (more) => {
      const wire = jsonRpcTransport(server.address as JsonRpcAddress, { ...client(), ...more });
      const made = new RemoteVault(wire);
      clients.push(made);
      return made;
    },
    [Symbol.asyncDispose]: async () => {
      for (const made of clients) await made.close();
      await server.stop();
    },
  };
}

describe.each(Object.entries(WAYS))("over %s", (_name, way) => {
  it("serves 20 clients at the same time", async () => {
    await using scene = await served(way, localTrust);
    const opened = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const vault = scene.client();
        const data = `${index}`.repeat(50_000);
        const { id } = await vault.seal(data, sealOptions());
        return (await vault.unseal<string>(id, OWNER)) === data;
      }),
    );
    expect(opened).toEqual(Array(20).fill(true));
  });
});

describe("TLS", () => {
  const way = WAYS["TLS"] as Way;

  it("a client sends nothing to a server whose certificate it does not trust", async () => {
    await using scene = await served(way, localTrust);
    await expect(scene.client({ tls: {} }).getSafeView(UNKNOWN_ID)).rejects.toMatchObject({
      code: "ERR_VAULT_SERVICE_UNAVAILABLE",
      cause: expect.objectContaining({ message: expect.stringContaining("SELF_SIGNED") }),
    });
  });

  it("an authenticator sees the client's certificate, and it alone authenticates", async () => {
    const seen: (string | undefined)[] = [];
    const auth: Authenticator = {
      authenticate: ({ connection }) => {
        seen.push(connection?.peerCertificate?.subject);
        return connection?.peerCertificate === undefined ? undefined : { principal: OWNER };
      },
    };
    const asking: Way = {
      ...way,
      server: () => ({ port: 0, tls: { ...tls(), requestCert: true, rejectUnauthorized: false } }),
    };
    await using scene = await served(asking, auth);
    const known = scene.client({ tls: tls() });
    const { id } = await known.seal("x".repeat(100_000), sealOptions());
    expect(await known.getSafeView(id)).toBe("a payload");
    expect(seen).toContain("CN=127.0.0.1");
    await expect(scene.client().getSafeView(id)).rejects.toMatchObject({
      code: "ERR_VAULT_UNAUTHENTICATED",
    });
  });

  it("a handshake that does not end counts as a connection, and gives way", async () => {
    const bounded: Way = {
      ...way,
      server: () => ({ port: 0, tls: tls(), maxConnections: 2, stopTimeoutMs: 100 }),
    };
    await using scene = await served(bounded, localTrust);
    const known = scene.client();
    await expect(known.getSafeView(UNKNOWN_ID)).rejects.toMatchObject(NOT_FOUND);
    const silent = [await RawPeer.to(scene.server.address), await RawPeer.to(scene.server.address)];
    await silent[0]?.closed();
    await expect(known.getSafeView(UNKNOWN_ID)).rejects.toMatchObject(NOT_FOUND);
    await scene.server.stop();
    await silent[1]?.closed();
  });
});

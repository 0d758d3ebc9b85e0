import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../src/auth.js";
import type { VaultClient } from "../../../src/client.js";
import { OutcomeUnknownError } from "../../../src/errors.js";
import { HandleVault, type VaultError } from "../../../src/index.js";
import { makeTlsIdentity, type TlsIdentity } from "../../support/servers/tls.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, serverOf, WIRES } from "./wires.js";

const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };
const ID = `hdl_${"0".repeat(32)}`;
/** The last principal of a request: once the server has seen it, it has seen the whole request. */
const MARK = "spiffe://example.org/end-of-the-request";

/** Serves each connection with the given function, until the test has finished. */
async function listening(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ENDINGS = {
  "is ended": (socket: Socket) => void socket.end(),
  "is closed": (socket: Socket) => void socket.destroy(),
  "is reset": (socket: Socket) => void socket.resetAndDestroy(),
} as const;

const PLACES: Readonly<Record<string, (received: string) => boolean>> = {
  "one byte": ({ length }) => length >= 1,
  "100 bytes": ({ length }) => length >= 100,
  "the whole request": (received) => received.includes(MARK),
};

const CHANGES: Readonly<Record<string, (vault: VaultClient) => Promise<unknown>>> = {
  seal: (vault) => vault.seal("x".repeat(1000), { ownerPrincipal: MARK, safeView: "" }),
  unseal: (vault) => vault.unseal(ID, MARK),
  grant: (vault) => vault.grant(ID, "somebody", { by: MARK }),
};

const FAULTS = Object.keys(CHANGES).flatMap((change) =>
  Object.keys(PLACES).flatMap((place) =>
    Object.keys(ENDINGS).map((ending) => ({ change, place, ending })),
  ),
);

describe.each(WIRES)("over %s", (wire) => {
  it.each(FAULTS)(
    "$change is sent once, and its outcome is unknown, when the connection $ending after $place",
    async ({ change, place, ending }) => {
      let requests = 0;
      const port = await listening((socket) => {
        let received = "";
        socket.on("data", (chunk) => {
          if (received === "") requests++;
          received += chunk.toString("latin1");
          if (PLACES[place]?.(received)) ENDINGS[ending as keyof typeof ENDINGS](socket);
        });
      });
      await expect(CHANGES[change]?.(clientOf(wire, port))).rejects.toMatchObject(UNKNOWN);
      expect(requests).toBe(1);
    },
  );

  it.each(Object.entries(ENDINGS))(
    "a connection that %s as soon as it is made may have got a seal, which is then not sent again",
    async (_, end) => {
      let connections = 0;
      const port = await listening((socket) => {
        connections++;
        end(socket);
      });
      const vault = clientOf(wire, port);
      const error = await rejectionOf(vault.seal("secret", sealOptions()));
      // Data written before the end was noticed may have been read; a reset may arrive before that.
      expect([UNKNOWN.code, UNAVAILABLE.code]).toContain((error as VaultError).code);
      expect(connections).toBe(error instanceof OutcomeUnknownError ? 1 : 2);
      await expect(vault.getSafeView(ID)).rejects.toMatchObject(UNAVAILABLE);
    },
  );

  it("an operation was not performed if no server listens", async () => {
    const port = await closedPort();
    const vault = clientOf(wire, port);
    for (const change of Object.values(CHANGES)) {
      await expect(change(vault)).rejects.toMatchObject(UNAVAILABLE);
    }
  });

  it("a kept connection that ended between two calls costs nothing", async () => {
    const vault = new HandleVault();
    const { port } = await serverOf(wire, vault, { auth: trustLocalCallers() });
    const sockets: Socket[] = [];
    const proxy = await listening((socket) => {
      sockets.push(socket);
      relay(socket, port);
    });
    const client = clientOf(wire, proxy);
    for (let call = 0; call < 5; call++) {
      const { id } = await client.seal("secret", sealOptions({ maxUses: 1 }));
      expect(await client.unseal(id, OWNER)).toBe("secret");
      const kept = sockets.at(-1);
      if (kept === undefined) throw new Error("there is no connection");
      const closed = new Promise((resolve) => kept.once("close", resolve));
      kept.end();
      await closed;
    }
    expect(sockets.length).toBe(5);
  });
});

describe.each(WIRES)("over %s and TLS", (wire) => {
  let identity: TlsIdentity;
  beforeAll(async () => {
    identity = await makeTlsIdentity();
  });
  afterAll(() => identity.remove());

  /** A vault behind a proxy that closes that many connections before any part of a call can be sent. */
  async function behind(failures: number) {
    const vault = new HandleVault();
    const { key, certificate, ca } = identity;
    const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(certificate, "utf8") };
    const { port } = await serverOf(wire, vault, { auth: trustLocalCallers(), tls });
    let connections = 0;
    const proxy = await listening((socket) => {
      if (connections++ < failures) socket.destroy();
      else relay(socket, port);
    });
    return { client: clientOf(wire, proxy, { tls: { ca } }), connections: () => connections };
  }

  it("seal and unseal are tried once more when no part of them was sent", async () => {
    const { client, connections } = await behind(1);
    const { id } = await client.seal("secret", sealOptions());
    expect(await client.unseal(id, OWNER)).toBe("secret");
    expect(connections()).toBe(2);
  });

  it("and no more than once", async () => {
    const { client, connections } = await behind(100);
    await expect(client.seal("secret", sealOptions())).rejects.toMatchObject(UNAVAILABLE);
    expect(connections()).toBe(2);
  });
});

function relay(socket: Socket, port: number): void {
  const upstream = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.pipe(upstream).pipe(socket);
  socket.once("close", () => upstream.destroy());
}

/** A port that had a server, and has none now. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

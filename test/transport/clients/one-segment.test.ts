/** A request leaves the client in one piece: after a head alone, the server would wait for the body. */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { makeTlsIdentity, type TlsIdentity } from "../../support/servers/tls.js";
import { sealOptions } from "../../support/vault.js";
import { rejectionOf } from "../laws/harness.js";
import { clientOf, WIRES } from "./wires.js";

describe.each(WIRES)("over %s", (wire) => {
  let identity: TlsIdentity;
  beforeAll(async () => {
    identity = await makeTlsIdentity();
  });
  afterAll(() => identity.remove());

  it.each(["plain", "TLS"])(
    "a seal leaves in one piece, its head and its body (%s)",
    async (kind) => {
      const pieces: string[] = [];
      const { key, certificate, ca } = identity;
      const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(certificate, "utf8") };
      const server = kind === "TLS" ? createTlsServer(tls) : createServer();
      server.on(kind === "TLS" ? "secureConnection" : "connection", (socket) => {
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => {
          pieces.push(chunk.toString("latin1"));
          // The last member of a seal on every wire.
          if (/gateway/.test(pieces.join(""))) setImmediate(() => socket.destroy());
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void server.close());
      const { port } = server.address() as AddressInfo;
      const client = clientOf(wire, port, kind === "TLS" ? { tls: { ca } } : {});
      await rejectionOf(
        client.seal("é".repeat(100), sealOptions({ grantedPrincipals: ["gateway"] })),
      );
      expect(pieces).toHaveLength(1);
    },
  );
});

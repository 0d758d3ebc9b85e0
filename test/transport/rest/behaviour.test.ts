import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { trustLocalCallers } from "../../../src/auth/local.js";
import { mtlsAuth } from "../../../src/auth/mtls.js";
import { HandleVault, type Vault } from "../../../src/index.js";
import { RemoteVault } from "../../../src/transport/client/remote-vault.js";
import type { HttpClientOptions } from "../../../src/transport/http/client/options.js";
import { type HttpServerOptions, serveHttp } from "../../../src/transport/http.js";
import { httpTransport } from "../../../src/transport/rest/client.js";
import { TestAuthority } from "../../support/certificates.js";
import { sealOptions } from "../../support/vault.js";
import { describeVault } from "../vault-behaviour.js";
import { serve } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "hv-http-"));
const authority = TestAuthority.create();
const BILLING = "spiffe://example.org/billing";
const server = authority.issue({
  names: [
    ["IP", "127.0.0.1"],
    ["DNS", "localhost"],
  ],
});
const billing = authority.issue({ names: [["URI", BILLING]] });
afterAll(() => {
  rmSync(folder, { recursive: true });
  authority.remove();
});

let sockets = 0;
const TLS = { cert: server.cert, key: server.key };

function harness(options: () => Partial<HttpServerOptions>, client: HttpClientOptions = {}) {
  return {
    async open(behind: Vault) {
      const place = options();
      const running = await serveHttp(behind, { auth: trustLocalCallers(), port: 0, ...place });
      const { path, host = "localhost", port } = running.address;
      const url = `${place.tls === undefined ? "http" : "https"}://${host}:${port ?? 80}`;
      const wire = httpTransport(url, { ...client, ...(path === undefined ? {} : { path }) });
      const vault = new RemoteVault(wire);
      const close = async () => {
        await vault.close();
        await running.stop();
      };
      return { vault, close };
    },
  };
}

const onSocket = () => {
  sockets++;
  return { port: undefined, path: join(folder, `${sockets}.sock`) };
};

describeVault(
  "over HTTP",
  harness(() => ({})),
);
describeVault(
  "over HTTPS",
  harness(() => ({ tls: TLS }), { tls: { ca: authority.certificate } }),
);
describeVault("over HTTP on a Unix socket", harness(onSocket));

it("a client certificate identifies the caller, and a client without one is not authenticated", async () => {
  const tls = { ...TLS, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
  const auth = mtlsAuth({ trustDomain: "example.org" });
  const behind = new HandleVault();
  const running = await serve({ auth, tls }, behind);
  const { id } = await behind.seal("secret", sealOptions({ ownerPrincipal: BILLING }));
  const url = `https://127.0.0.1:${running.address.port}`;
  const ca = authority.certificate;
  const known = httpTransport(url, { tls: { ca, cert: billing.cert, key: billing.key } });
  const unknown = httpTransport(url, { tls: { ca } });
  const distrustful = httpTransport(url);
  for (let call = 0; call < 3; call++) {
    expect(await known.call("unseal", { id })).toEqual({ data: "secret" });
  }
  await expect(unknown.call("unseal", { id })).rejects.toMatchObject({
    code: "ERR_VAULT_UNAUTHENTICATED",
  });
  await expect(distrustful.call("unseal", { id })).rejects.toMatchObject({
    code: "ERR_VAULT_SERVICE_UNAVAILABLE",
  });
  await Promise.all([known.close(), unknown.close(), distrustful.close()]);
});

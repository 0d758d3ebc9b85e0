import { describe, expect, it } from "vitest";
import { VaultClient } from "../../src/client.js";
import { HandleVault } from "../../src/index.js";
import { serveHttp } from "../../src/transport/http.js";
import { serveJsonRpc } from "../../src/transport/json-rpc.js";
import { withLeastVersion } from "../../src/transport/tls-options.js";
import { serveXmlRpc } from "../../src/transport/xml-rpc.js";

const auth = { authenticate: () => undefined };
const OUTDATED = [
  [{ minVersion: "TLSv1" }, /minVersion/],
  [{ minVersion: "TLSv1.1" }, /minVersion/],
  [{ secureProtocol: "TLSv1_method" }, /secureProtocol/],
] as const;
const CLIENTS = {
  http: (tls: object) => VaultClient.http("https://localhost:1", { tls }),
  rpc: (tls: object) => VaultClient.rpc("https://localhost:1", { tls }),
  socket: (tls: object) => VaultClient.socket({ port: 1 }, { tls }),
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

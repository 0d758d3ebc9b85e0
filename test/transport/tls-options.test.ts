import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { readClientOptions } from "../../src/transport/client-options.js";
import { serveHttp } from "../../src/transport/http.js";
import { serveJsonRpc } from "../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../src/transport/xml-rpc.js";

const auth = { authenticate: () => undefined };
const options = { auth, port: 0, tls: { minVersion: "TLSv1.1" as const } };

describe("TLS options", () => {
  it.each([serveHttp, serveJsonRpc, serveXmlRpc])(
    "let no server begin below TLS 1.2",
    async (serve) => {
      await expect(serve(new HandleVault(), options)).rejects.toThrow(TypeError);
    },
  );

  it("let no client begin below TLS 1.2", () => {
    expect(() => readClientOptions({ tls: options.tls }, [])).toThrow(TypeError);
  });
});

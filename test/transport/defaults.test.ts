/** The defaults of servers, as literals, so that no change of them goes unnoticed. */
import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { readServerOptions } from "../../src/transport/http/server/server-options.js";
import { serveHttp } from "../../src/transport/http.js";
import { LIMITS } from "../../src/transport/json-rpc/rpc-limits.js";
import { serveJsonRpc } from "../../src/transport/json-rpc.js";
import { ErrorReports } from "../../src/transport/service/error-reports.js";
import { MAX_BATCH, MAX_BATCH_ANSWERS } from "../../src/transport/service/messages.js";
import { serveXmlRpc } from "../../src/transport/xml-rpc.js";
import { readOptions } from "../../src/vault/options.js";

const MIB = 1024 * 1024;
const auth = { authenticate: () => undefined };

describe("without an option", () => {
  it("JSON-RPC has these bounds", () => {
    expect(readOptions({}, LIMITS)).toEqual({
      maxFrameBytes: 16 * MIB,
      maxUnauthenticatedFrameBytes: 64 * 1024,
      maxBufferedBytes: 256 * MIB,
      maxUnsentBytes: MIB,
      maxInFlightPerConnection: 64,
      maxInFlight: 1024,
      maxConnections: 1024,
      authenticationTimeoutMs: 10_000,
      frameTimeoutMs: 30_000,
      idleTimeoutMs: 30_000,
      stopTimeoutMs: 5000,
      failedAuthenticationsPerMinute: 20,
      requestsPerMinute: undefined,
    });
  });

  it("HTTP and XML-RPC have these bounds", () => {
    const { handler, listening, ...timesAndConnections } = readServerOptions({ auth }, 1);
    expect(timesAndConnections).toEqual({
      tls: undefined,
      headersTimeoutMs: 5000,
      requestTimeoutMs: 30_000,
      idleTimeoutMs: 5000,
      stopTimeoutMs: 5000,
      maxConnections: 1000,
    });
    expect(handler).toMatchObject({
      auth,
      maxBodyBytes: 16 * MIB,
      maxBufferedBytes: 256 * MIB,
      maxInFlight: 256,
      publicSafeViews: false,
      gatewayPrincipals: undefined,
      requestsPerMinute: undefined,
      failedAuthenticationsPerMinute: 20,
      onError: undefined,
      allowedHosts: new Set(["localhost", "127.0.0.1", "[::1]"]),
      allowedOrigins: new Set(),
      basePath: "",
      reports: expect.any(ErrorReports),
    });
    expect(listening.host).toBeUndefined();
  });

  it("a batch has at most 1,000 items and about 16 MiB of answers", () => {
    expect([MAX_BATCH, MAX_BATCH_ANSWERS]).toEqual([1000, 16 * MIB]);
  });

  it.each([
    [8421, serveHttp],
    [8422, serveXmlRpc],
    [8423, serveJsonRpc],
  ])(
    "a server listens on the original's port, %i, of the loopback interface",
    async (port, serve) => {
      expect(await placeOf(serve)).toEqual({ address: "127.0.0.1", port });
    },
  );
});

/** Another process may use the port already; the error then contains the address. */
async function placeOf(
  serve: typeof serveHttp | typeof serveXmlRpc | typeof serveJsonRpc,
): Promise<object> {
  try {
    const server = await serve(new HandleVault(), { auth });
    await server.stop();
    return { address: server.address.host, port: server.address.port };
  } catch (error) {
    const { address, port } = error as { readonly address?: string; readonly port?: number };
    return { address, port };
  }
}

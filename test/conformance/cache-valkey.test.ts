import { Valkey } from "iovalkey";
import { afterAll, beforeAll, describe } from "vitest";
import { openValkeyCache, valkeyCache } from "../../src/cache/valkey.js";
import { respHarness } from "../support/servers/resp-harness.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { describeCache } from "./cache-backend.js";

const missing = missingServer("valkey");

describe.skipIf(missing !== undefined)(missing ?? "one Valkey server", () => {
  let server: RespServer;
  let borrowed: Valkey;

  beforeAll(async () => {
    server = await startRespServer("valkey");
    borrowed = new Valkey({ port: server.port });
  });

  afterAll(async () => {
    borrowed.disconnect();
    await server.stop();
  });

  describeCache(
    "openValkeyCache",
    respHarness((keyPrefix) => openValkeyCache({ port: server.port }, { keyPrefix })),
  );

  describeCache(
    "valkeyCache over a connection with default settings",
    respHarness((keyPrefix) => valkeyCache(borrowed, { keyPrefix })),
  );
});

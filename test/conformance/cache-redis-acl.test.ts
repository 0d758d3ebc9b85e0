import { afterAll, beforeAll, describe } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { openValkeyCache } from "../../src/cache/valkey.js";
import { aclOf } from "../support/servers/resp-acl.js";
import { type RespCluster, startRespCluster } from "../support/servers/resp-cluster.js";
import { respHarness } from "../support/servers/resp-harness.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { makeTlsIdentity, type TlsIdentity } from "../support/servers/tls.js";
import { describeCache } from "./cache-backend.js";

const PASSWORD = "correct-horse";

for (const [product, open] of [
  ["redis", openRedisCache],
  ["valkey", openValkeyCache],
] as const) {
  const missing = missingServer(product);

  describe.skipIf(missing !== undefined)(
    missing ?? `${product} with TLS and the least rights`,
    () => {
      let identity: TlsIdentity;
      let server: RespServer;

      beforeAll(async () => {
        identity = await makeTlsIdentity();
        const users = ["--user", "default", "off", "--user", ...aclOf("single", PASSWORD)];
        server = await startRespServer(product, { tls: identity, arguments: users });
      });

      afterAll(async () => {
        await server.stop();
        await identity.remove();
      });

      describeCache(
        "the user of the guide",
        respHarness((keyPrefix) => {
          const url = `rediss://vault:${PASSWORD}@127.0.0.1:${server.port}`;
          return open({ url, tls: { ca: identity.ca } }, { keyPrefix });
        }),
      );
    },
  );
}

const missing = missingServer("redis");

describe.skipIf(missing !== undefined)(missing ?? "a Redis Cluster with the least rights", () => {
  let cluster: RespCluster;

  beforeAll(async () => {
    cluster = await startRespCluster("redis", {
      arguments: ["--user", ...aclOf("cluster", PASSWORD)],
    });
  });

  afterAll(() => cluster.stop());

  describeCache(
    "the user of the guide",
    respHarness((keyPrefix) => {
      const user = { username: "vault", password: PASSWORD };
      return openRedisCache({ cluster: cluster.nodes, ...user }, { keyPrefix });
    }),
  );
});

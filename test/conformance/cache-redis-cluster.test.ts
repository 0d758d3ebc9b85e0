import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import { type RespCluster, startRespCluster } from "../support/servers/resp-cluster.js";
import { respHarness } from "../support/servers/resp-harness.js";
import { missingServer } from "../support/servers/resp-server.js";
import { describeCache } from "./cache-backend.js";

const missing = missingServer("redis");

describe.skipIf(missing !== undefined)(missing ?? "a Redis Cluster of three masters", () => {
  let cluster: RespCluster;
  let borrowed: Cluster;

  beforeAll(async () => {
    cluster = await startRespCluster("redis");
    borrowed = new Cluster([...cluster.nodes]);
  });

  afterAll(async () => {
    borrowed.disconnect();
    await cluster.stop();
  });

  describeCache(
    "openRedisCache of some nodes",
    respHarness((keyPrefix) => openRedisCache({ cluster: cluster.nodes }, { keyPrefix })),
  );

  describeCache(
    "redisCache over a Cluster with default settings",
    respHarness((keyPrefix) => redisCache(borrowed, { keyPrefix })),
  );
});

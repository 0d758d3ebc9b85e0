import { Redis } from "ioredis";
import { afterAll, beforeAll, describe } from "vitest";
import { openRedisCache, redisCache } from "../../src/cache/redis.js";
import { respHarness } from "../support/servers/resp-harness.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";
import { describeCache } from "./cache-backend.js";

const missing = missingServer("redis");

describe.skipIf(missing !== undefined)(missing ?? "one Redis server", () => {
  let server: RespServer;
  let borrowed: Redis;

  beforeAll(async () => {
    server = await startRespServer("redis");
    borrowed = new Redis({ port: server.port });
  });

  afterAll(async () => {
    borrowed.disconnect();
    await server.stop();
  });

  describeCache(
    "openRedisCache",
    respHarness((keyPrefix) => openRedisCache({ port: server.port }, { keyPrefix })),
  );

  describeCache(
    "redisCache over a connection with default settings",
    respHarness((keyPrefix) => redisCache(borrowed, { keyPrefix })),
  );
});

import { afterAll, beforeAll, describe } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import { respHarness } from "../support/servers/resp-harness.js";
import { type RespSentinel, startRespSentinel } from "../support/servers/resp-sentinel.js";
import { missingServer } from "../support/servers/resp-server.js";
import { describeCache } from "./cache-backend.js";

const missing = missingServer("redis");

describe.skipIf(missing !== undefined)(missing ?? "a Redis master behind a sentinel", () => {
  let group: RespSentinel;

  beforeAll(async () => {
    group = await startRespSentinel("redis");
  });

  afterAll(() => group.stop());

  describeCache(
    "openRedisCache of sentinels, waiting for a replica",
    respHarness((keyPrefix) =>
      openRedisCache(
        { sentinels: group.sentinels, name: group.name },
        { keyPrefix, waitForReplicas: { count: 1, timeoutMs: 1000 } },
      ),
    ),
  );
});

import { lruCache } from "../../src/cache/lru.js";
import { describeCache, withClock } from "./cache-backend.js";

describeCache(
  "lruCache",
  withClock((elapsedMs) => lruCache({ elapsedMs, maxEntries: 3000, maxBytes: 2 ** 24 })),
);

import { memoryCache } from "../../src/index.js";
import { describeCache, withClock } from "./cache-backend.js";

describeCache(
  "memoryCache",
  withClock((elapsedMs) => memoryCache({ elapsedMs, maxBytes: 2 ** 24 })),
);

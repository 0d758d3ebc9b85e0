import { openRedisCache } from "../../src/cache/redis.js";
import { describeCluster } from "./resp-cluster.js";

describeCluster("redis", openRedisCache);

import { openValkeyCache } from "../../src/cache/valkey.js";
import { describeCluster } from "./resp-cluster.js";

describeCluster("valkey", openValkeyCache);

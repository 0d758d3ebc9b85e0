/** The working versions of the optional packages. package.json, docs/peers.md and CI must agree with them. */

/** The working versions of one package. */
export interface PeerVersions {
  /** The oldest working version, in full. Older ones are refused. */
  readonly oldest: string;
  /** The newest major version that was tested. Later ones are accepted. */
  readonly newest: string;
  /** The exports that this library uses. Absent if a module imports them by name, which fails without them. */
  readonly exports?: readonly string[];
}

/** The working versions, by package. */
export const PEER_VERSIONS: Readonly<Record<string, PeerVersions>> = {
  "@langchain/core": { oldest: "0.3.58", newest: "1" },
  "@modelcontextprotocol/client": {
    oldest: "2.0.0",
    newest: "2",
    exports: ["StreamableHTTPClientTransport"],
  },
  "@modelcontextprotocol/node": {
    oldest: "2.0.0",
    newest: "2",
    exports: ["NodeStreamableHTTPServerTransport"],
  },
  "@mongodb-js/zstd": { oldest: "1.0.0", newest: "1", exports: ["compress", "decompress"] },
  ai: { oldest: "5.0.0", newest: "7", exports: ["asSchema", "jsonSchema"] },
  "better-sqlite3": { oldest: "12.8.0", newest: "13", exports: ["default"] },
  "fs-native-extensions": { oldest: "1.5.0", newest: "1" },
  hono: { oldest: "4.0.0", newest: "4" },
  ioredis: { oldest: "5.4.2", newest: "6", exports: ["Redis", "Cluster"] },
  iovalkey: { oldest: "0.2.1", newest: "0.4", exports: ["Redis", "Cluster"] },
  jose: { oldest: "5.0.0", newest: "6", exports: ["jwtVerify", "createLocalJWKSet"] },
  lmdb: { oldest: "3.5.0", newest: "3", exports: ["open"] },
  "lru-cache": { oldest: "10.0.0", newest: "11", exports: ["LRUCache"] },
  "lz4-napi": { oldest: "2.8.0", newest: "2", exports: ["compress", "uncompress"] },
  msgpackr: { oldest: "1.11.8", newest: "2", exports: ["Packr"] },
  re2js: { oldest: "1.4.0", newest: "2", exports: ["RE2JS"] },
  yaml: { oldest: "2.0.0", newest: "2" },
  zod: { oldest: "3.25.76", newest: "4" },
};

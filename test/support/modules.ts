/** The library as its importers see it, root and subpaths together. */
export { lruCache } from "../../src/cache/lru.js";
export { fernetEncryptor, generateFernetKey } from "../../src/codec/encryptor/fernet.js";
export * from "../../src/errors.js";
export * from "../../src/index.js";

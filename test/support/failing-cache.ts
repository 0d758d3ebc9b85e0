import type { CacheBackend } from "../../src/index.js";

/** Returns a cache with some methods replaced; the other methods are those of the wrapped cache. */
export function overriding(cache: CacheBackend, overrides: Partial<CacheBackend>): CacheBackend {
  return {
    shared: overrides.shared ?? cache.shared,
    outlivesProcess: overrides.outlivesProcess ?? cache.outlivesProcess,
    ready: () => cache.ready(),
    insert: (key, record, options) => cache.insert(key, record, options),
    get: (key, options) => cache.get(key, options),
    getBody: (key, options) => cache.getBody(key, options),
    replace: (key, head, options) => cache.replace(key, head, options),
    delete: (key, options) => cache.delete(key, options),
    purgeExpired: (limit, options) => cache.purgeExpired(limit, options),
    scan: (cursor, options) => cache.scan(cursor, options),
    close: () => cache.close(),
    ...overrides,
  };
}

/** Returns the cache with every result as a promise, as with a remote cache. */
export function asynchronous(cache: CacheBackend): CacheBackend {
  const later = async <T>(answer: () => T | Promise<T>): Promise<T> => {
    await Promise.resolve();
    return answer();
  };
  return overriding(cache, {
    ready: () => later(() => cache.ready()),
    insert: (key, record, options) => later(() => cache.insert(key, record, options)),
    get: (key, options) => later(() => cache.get(key, options)),
    getBody: (key, options) => later(() => cache.getBody(key, options)),
    replace: (key, head, options) => later(() => cache.replace(key, head, options)),
    delete: (key, options) => later(() => cache.delete(key, options)),
    purgeExpired: (limit, options) => later(() => cache.purgeExpired(limit, options)),
    scan: (cursor, options) => later(() => cache.scan(cursor, options)),
  });
}

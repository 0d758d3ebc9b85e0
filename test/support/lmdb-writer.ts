/**
 * Writes records one by one for a while, and reads each record once it is acknowledged. Prints how many
 * were acknowledged, and how many of those were missing.
 *
 * Arguments: `cache`, or `default` or `no-overlap` for lmdb without the cache; the file; a name; the
 * duration in milliseconds; the number of records after which the file is closed and opened again.
 */
import { open } from "lmdb";
import { openLmdbCache } from "../../src/cache/lmdb.js";

const [mode = "", path = "", name = "", duration = "0", perOpening = "1"] = process.argv.slice(2);
const FOR_LONG = { purgeAfterMs: 3_600_000, timeoutMs: 30_000 };
const VALUE = Buffer.alloc(200, 1);

interface Store {
  put(key: string): Promise<unknown>;
  has(key: string): boolean;
  close(): Promise<void>;
}

async function openStore(): Promise<Store> {
  if (mode === "cache") {
    const cache = await openLmdbCache(path);
    return {
      put: async (key) => cache.insert(key, { head: VALUE }, FOR_LONG),
      has: (key) => cache.get(key) !== undefined,
      close: async () => cache.close(),
    };
  }
  const sync = mode === "no-overlap" ? { overlappingSync: false } : {};
  const database = open<Buffer, string>({ path, encoding: "binary", noSubdir: true, ...sync });
  return {
    put: (key) => database.put(key, VALUE),
    has: (key) => database.get(key) !== undefined,
    close: () => database.close(),
  };
}

const endsAtMs = Date.now() + Number(duration);
let acknowledged = 0;
let lost = 0;
while (Date.now() < endsAtMs) {
  const store = await openStore();
  for (let count = 0; count < Number(perOpening) && Date.now() < endsAtMs; count++) {
    const key = `${name} ${acknowledged}`;
    await store.put(key);
    acknowledged += 1;
    if (!store.has(key)) lost += 1;
  }
  await store.close();
}
process.stdout.write(JSON.stringify({ acknowledged, lost }));

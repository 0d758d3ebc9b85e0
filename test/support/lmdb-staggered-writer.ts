/**
 * Writes records, reads each back as soon as it is acknowledged, and prints how many it did not find.
 * Arguments: the file, a name, a count.
 */
import { openLmdbCache } from "../../src/cache/lmdb.js";

const [path = "", name = "", count = "0"] = process.argv.slice(2);
const IN_FLIGHT = 16;
const FOR_LONG = { purgeAfterMs: 3_600_000, timeoutMs: 30_000 };
const RECORD = { head: Buffer.alloc(200, 1) };

const cache = await openLmdbCache(path);
let lost = 0;
for (let start = 0; start < Number(count); start += IN_FLIGHT) {
  const keys = Array.from({ length: IN_FLIGHT }, (_, index) => `${name} ${start + index}`);
  await Promise.all(keys.map((key) => cache.insert(key, RECORD, FOR_LONG)));
  lost += keys.filter((key) => cache.get(key) === undefined).length;
}
await cache.close();
process.stdout.write(String(lost));

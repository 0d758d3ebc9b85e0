/**
 * Fills a small disk through a cache, in a separate process, and prints the outcome. Arguments: the file;
 * `steal` to fill the rest of the disk without the cache noticing.
 */
import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { isVaultError } from "../../src/index.js";

const [path = "", mode] = process.argv.slice(2);
const unhandled: string[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(String(reason)));

const FOR_LONG = { purgeAfterMs: 3_600_000, timeoutMs: 300_000 };
const BODY = Buffer.alloc(60_000, 7);
const isStolen = mode === "steal";

const cache = await openLmdbCache(path, { minFreeBytes: isStolen ? 1 : 16 * 2 ** 20 });
const acknowledged: string[] = [];
const codes = new Set<string>();

async function fill(): Promise<void> {
  for (let round = 0; round < 200 && codes.size === 0; round++) {
    if (isStolen && round === 5) {
      stopStopwatch();
      await insert("looks at the disk");
      takeTheRest();
    }
    const keys = Array.from({ length: 32 }, (_, index) => `${round} ${index}`);
    await Promise.all(keys.map(insert));
  }
}

async function insert(key: string): Promise<void> {
  try {
    await cache.insert(key, { head: Buffer.from(key), body: BODY }, FOR_LONG);
    acknowledged.push(key);
  } catch (error) {
    codes.add(isVaultError(error) ? error.code : String(error));
  }
}

/** Makes the cache check the disk with the next write, and not again after a time. */
function stopStopwatch(): void {
  const nowMs = performance.now() + 1000;
  performance.now = () => nowMs;
}

/** Takes all but a few pages, less than the next group needs. The cache does not notice. */
function takeTheRest(): void {
  const { bavail, bsize } = statfsSync(dirname(path));
  const length = String((bavail - 40) * bsize);
  execFileSync("fallocate", ["--length", length, join(dirname(path), "rest")]);
}

function isReadable(key: string): boolean {
  const entry = cache.get(key);
  const body = cache.getBody(key);
  return (
    typeof entry === "object" &&
    "head" in entry &&
    Buffer.from(entry.head).toString() === key &&
    body instanceof Uint8Array &&
    Buffer.compare(body, BODY) === 0
  );
}

async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return isVaultError(error) ? error.code : String(error);
  }
}

await fill();
const unreadable = acknowledged.filter((key) => !isReadable(key)).length;
const deletion = await outcomeOf(() => cache.delete(acknowledged[0] ?? "", FOR_LONG));
for (const key of acknowledged.slice(1)) await outcomeOf(() => cache.delete(key, FOR_LONG));
const again = await outcomeOf(() => cache.insert("again", { head: BODY }, FOR_LONG));
await cache.close();
await new Promise((resolve) => setTimeout(resolve, 50));
const report = {
  codes: [...codes],
  acknowledged: acknowledged.length,
  unreadable,
  deletion,
};
process.stdout.write(`${JSON.stringify({ ...report, again, unhandled })}\n`);

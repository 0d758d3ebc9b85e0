/** A process that opens many handles concurrently and measures its memory. */
import { createHash } from "node:crypto";
import { inBatches } from "../../support/in-batches.js";
import { GRANTEE, sealOptions } from "../../support/vault.js";
import { type Address, openVault } from "../places.js";
import { print, task } from "./messages.js";

export interface ManyTask {
  readonly address: Address;
  readonly count: number;
}

export interface ManyReport {
  readonly opened: number;
  /** The maximum growth of resident memory, in bytes. */
  readonly growth: number;
}

const { address, count } = task<ManyTask>();
const vault = await openVault(address);
const ids: string[] = [];
await inBatches(count, 64, async (index) => {
  ids[index] = (await vault.seal(recordOf(index), sealOptions({ ttlSeconds: 3600 }))).id;
});
const unseal = async (id: string, index: number): Promise<boolean> =>
  JSON.stringify(await vault.unseal(id, GRANTEE)) === JSON.stringify(recordOf(index));
for (let round = 0; round < 3; round++) await Promise.all(ids.slice(0, 1000).map(unseal));

globalThis.gc?.();
const before = process.memoryUsage.rss();
let highest = before;
const timer = setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss());
}, 1);
const correct = await Promise.all(ids.map(unseal));
clearInterval(timer);
highest = Math.max(highest, process.memoryUsage.rss());
await vault.close();
print({ opened: correct.filter(Boolean).length, growth: highest - before } satisfies ManyReport);

/** Returns a record of 262 bytes as JSON. */
function recordOf(index: number): object {
  const start = { id: `pat-${index}`, name: "Ann Weiß", birthDate: "1957-03-14", note: "" };
  const filler = createHash("sha512").update(`${index}`).digest("hex").repeat(2);
  const missing = 262 - Buffer.byteLength(JSON.stringify(start));
  return { ...start, note: filler.slice(0, missing) };
}

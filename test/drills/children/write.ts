/** A process that seals as fast as it can and prints each acknowledged record, until it is killed. */

import { inBatches } from "../../support/in-batches.js";
import { sealOptions } from "../../support/vault.js";
import { type Address, openVault } from "../places.js";
import { print, task } from "./messages.js";

export interface WriteTask {
  readonly address: Address;
  readonly writer: string;
}

/** More records than a writer can seal before it is killed. */
const MANY = 1_000_000;
const LARGE = "a text that makes a detached body ".repeat(1000);

/** Returns the n-th payload of a writer. */
export function payloadOf(writer: string, n: number): object {
  return { writer, n, text: n % 16 === 0 ? LARGE : "short" };
}

if (process.argv[1] === import.meta.filename) {
  const { address, writer } = task<WriteTask>();
  const vault = await openVault(address, { cacheTimeoutMs: 2000 });
  await inBatches(MANY, 64, async (n) => {
    try {
      const { id } = await vault.seal(payloadOf(writer, n), sealOptions({ ttlSeconds: 3600 }));
      print(`${id} ${n}`);
    } catch {
      // Not acknowledged, so the record need not exist. The writer goes on, because a killed server restarts.
    }
  });
}

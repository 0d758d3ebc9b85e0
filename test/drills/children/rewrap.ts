/** A process that moves all records from key to key, a few per call, until it is killed. */

import { HandleVault, KeyRing } from "../../../src/index.js";
import { rotate } from "../../support/rotation.js";
import { type Address, openPlace } from "../places.js";
import { print, task } from "./messages.js";

export interface RewrapTask {
  readonly address: Address;
  /** All keys that records may use. */
  readonly keys: Readonly<Record<string, string>>;
  /** The key after each key. The records are moved through them in this order. */
  readonly next: Readonly<Record<string, string>>;
}

const AT_A_TIME = 20;

const { address, keys, next } = task<RewrapTask>();
const ring = KeyRing.from({ current: Object.keys(keys)[0] ?? "", keys });
const vault = new HandleVault({
  cache: await openPlace(address),
  keys: ring,
  cacheTimeoutMs: 30_000,
});
for (const [id, key] of Object.entries(next)) {
  rotate(ring, id, key);
  let cursor: string | undefined;
  do {
    const report = await vault.rewrap({ limit: AT_A_TIME, cursor });
    cursor = report.cursor;
    print(report.rewrapped);
  } while (cursor !== undefined);
}
await vault.close();

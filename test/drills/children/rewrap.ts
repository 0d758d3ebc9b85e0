/** A process that moves all records from key to key, a few at a time, until it is killed. */

import { HandleVault, KeyRing } from "../../../src/index.js";
import { rotate } from "../../support/rotation.js";
import { type Address, openPlace } from "../places.js";
import { print, task } from "./messages.js";

export interface RewrapTask {
  readonly address: Address;
  /** Every key that a record may be under. */
  readonly keys: Readonly<Record<string, string>>;
  /** To which the records are moved, one after another. */
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

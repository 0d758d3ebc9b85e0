/** The state that the caches of one environment share. */
import type { Buffer } from "node:buffer";
import type { CacheCapabilities } from "../../vault/contracts.js";
import type { WatchedFiles } from "./environment-files.js";
import type { FreeSpace } from "./free-space.js";
import type { OpeningGate } from "./opening-gate.js";
import type { Write } from "./pending-write.js";
import type { HeadRow } from "./row.js";
import type { Tables } from "./tables.js";
import type { WriteQueue } from "./write-queue.js";

/** The databases of an environment, and the guards of writes to them. */
export interface Store {
  readonly tables: Tables;
  readonly gate: OpeningGate;
  readonly files: WatchedFiles;
  readonly writes: WriteQueue;
  readonly freeSpace: FreeSpace;
  readonly durability: CacheCapabilities["durability"];
}

/** A record in the state in which it was read. */
export interface FoundRecord {
  readonly key: Buffer;
  readonly row: HeadRow;
}

/** The outcomes of a write that reports only whether its condition held. */
export const BOOLEAN_OUTCOMES: { readonly ifHeld: boolean; readonly otherwise: boolean } = {
  ifHeld: true,
  otherwise: false,
};

/** Returns the write that removes a record unless the record has changed since it was read. */
export function removalOf({ heads, bodies }: Tables, { key, row }: FoundRecord): Write<boolean> {
  const issue = row.hasBody
    ? () =>
        heads.ifVersion(key, row.revision, () => {
          void heads.remove(key);
          void bodies.remove(key);
        })
    : () => heads.remove(key, row.revision);
  return { issue, byteCount: 0, ...BOOLEAN_OUTCOMES };
}

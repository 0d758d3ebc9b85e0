/** The settings with which environments must be opened, and the durability that follows from them. */
import type { CacheCapabilities } from "../../vault/contracts.js";
import { MAX_KEY_BYTES } from "./row.js";
import type { LmdbSettings } from "./vendor.js";

/** The longest key from which a scan may have to resume. */
const LONGEST_KEY_BYTES: number = MAX_KEY_BYTES + 2;

/** Acknowledged writes depend on each of these settings, see docs/durability.md. */
export const SETTINGS = {
  noSubdir: true,
  encoding: "binary",
  overlappingSync: false,
  noSync: false,
  noMetaSync: false,
  useWritemap: false,
  remapChunks: false,
  maxDbs: 12,
  permissionsMode: 0o600,
} as const;

/** Returns the durability of writes in an environment with these settings. */
export function durabilityOf(settings: LmdbSettings): CacheCapabilities["durability"] {
  const isLazy =
    settings.noSync === true || settings.noMetaSync === true || settings.mapAsync === true;
  return isLazy ? "process" : "disk";
}

/** Throws unless an environment with these settings keeps the writes that it acknowledges. */
export function checkSettings(settings: LmdbSettings): void {
  if (settings.overlappingSync !== false) {
    throw new TypeError("environment must be opened with overlappingSync: false");
  }
  if (settings.readOnly === true) throw new TypeError("environment must not be opened readOnly");
  if (typeof settings.maxKeySize === "number" && settings.maxKeySize < LONGEST_KEY_BYTES) {
    throw new TypeError("environment must have pages of 4,096 bytes or more");
  }
  if (settings.useWritemap === true) {
    throw new TypeError("environment must not be opened with useWritemap");
  }
}

/** How environments must be opened, and what they promise then. */
import type { CacheCapabilities } from "../../vault/contracts.js";
import { MAX_KEY_BYTES } from "./row.js";
import type { LmdbSettings } from "./vendor.js";

/** The longest key that a scan may have to go on from. */
const LONGEST_KEY_BYTES: number = MAX_KEY_BYTES + 2;

/** Each of these is what keeps an acknowledged write, see docs/durability.md. */
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

/** Returns what survives, in an environment that was opened in some way. */
export function durabilityOf(settings: LmdbSettings): CacheCapabilities["durability"] {
  const isLazy =
    settings.noSync === true || settings.noMetaSync === true || settings.mapAsync === true;
  return isLazy ? "process" : "disk";
}

/** Throws unless an environment was opened so that it keeps what it acknowledges. */
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

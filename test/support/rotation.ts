/** Rotation of rings that keep their keys in memory. */
import type { KeyMaterial, KeyRing } from "../../src/index.js";

/** Adds a key and makes it the current one. */
export function rotate(ring: KeyRing, keyId: string, key: KeyMaterial): void {
  ring.add(keyId, key);
  ring.promote(keyId);
}

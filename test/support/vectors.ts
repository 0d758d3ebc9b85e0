import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Returns the parsed contents of `test/vectors/<path>`; the caller knows their type. */
export function loadVectors<Contents>(path: string): Contents {
  const file = join(import.meta.dirname, "..", "vectors", path);
  return JSON.parse(readFileSync(file, "utf8")) as Contents;
}

/** Returns the bytes of a hex text. */
export function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

import { trueBytes } from "../../primitives/bytes.js";
import type { Bytes, Serializer } from "../../vault/contracts.js";

/** Returns the serializer for `Uint8Array` payloads; they come back as plain `Uint8Array`s. */
export function bytesSerializer(): Serializer {
  return {
    id: 1,
    serialize: (data) => trueBytes(data as Uint8Array),
    // A separate copy: not a view of Node's pool, nor of a buffer that is wiped afterwards.
    deserialize: (bytes): Bytes => new Uint8Array(bytes),
  };
}

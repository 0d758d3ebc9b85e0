import { trueBytes } from "../../primitives/bytes.js";
import type { Bytes, Serializer } from "../../vault/contracts.js";

/** Returns the serializer for `Uint8Array` payloads; they come back as plain `Uint8Array`s. */
export function bytesSerializer(): Serializer {
  return {
    id: 1,
    serialize: (data) => trueBytes(data as Uint8Array),
    // A copy in memory of its own: neither a view into the pool nor into bytes about to be wiped.
    deserialize: (bytes): Bytes => new Uint8Array(bytes),
  };
}

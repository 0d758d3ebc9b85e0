import type { Serializer } from "../../vault/contracts.js";

/** Returns the serializer for well-formed text, which it stores as UTF-8. */
export function textSerializer(): Serializer {
  return {
    id: 2,
    serialize: (data) => data as string,
    deserialize: (bytes) => bytes.toString("utf8"),
  };
}

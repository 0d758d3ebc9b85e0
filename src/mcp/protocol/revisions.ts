/** Which revision of the protocol a message follows. */
import { objectAt, type RequestMessage } from "./messages.js";

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** Returns the revision that a request names. Requests name it from revision 2026-07-28 on. */
export function revisionNamedBy({ params }: RequestMessage): unknown {
  return objectAt(params, "_meta")[VERSION_KEY];
}

/** Returns the revision that a client requests, in `initialize` or in any request. */
export function revisionAskedFor(message: RequestMessage): unknown {
  return revisionNamedBy(message) ?? message.params?.["protocolVersion"];
}

/**
 * Returns whether a request follows revision 2026-07-28 or later, whose results name their type.
 */
export function isModern(message: RequestMessage): boolean {
  return revisionNamedBy(message) !== undefined;
}

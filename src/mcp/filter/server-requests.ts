/** Pending requests from a server to its client. */
import { setBounded } from "../../primitives/bounded-map.js";
import type { RequestId, RequestMessage } from "../protocol/messages.js";
import { asNumber } from "./client-requests.js";

const MAX_ASKED = 1000;

/**
 * Replaces the ids of a server's requests by ids of this connection, because an id that the server
 * chooses could carry data.
 */
export class AskedRequests {
  readonly #serverIds = new Map<string, RequestId>();
  #latest = 0;

  /** Returns the request under its new id, as it is sent to the client. */
  toClient(message: RequestMessage): RequestMessage {
    this.#latest += 1;
    setBounded(this.#serverIds, String(this.#latest), message.id, MAX_ASKED);
    return { ...message, id: this.#latest };
  }

  /** Returns the server's id of a request that the client has answered, and forgets the request. */
  take(clientId: unknown): RequestId | undefined {
    const key = String(asNumber(clientId));
    const id = this.#serverIds.get(key);
    this.#serverIds.delete(key);
    return id;
  }

  /** Returns the client's id of a request that the server cancels. */
  clientIdOf(serverId: unknown): RequestId | undefined {
    const asked = [...this.#serverIds].findLast(([, id]) => id === serverId);
    return asked === undefined ? undefined : Number(asked[0]);
  }
}

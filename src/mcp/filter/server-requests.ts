/** Pending requests from a server to its client. */
import type { RequestId, RequestMessage } from "../protocol/messages.js";
import { PendingRequests } from "../protocol/pending-requests.js";

const MAX_PENDING = 1000;

/**
 * Replaces the ids of a server's requests by ids of this connection, because an id that the server
 * chooses could carry data.
 */
export class ServerRequests {
  readonly #serverIds = new PendingRequests<RequestId>();

  /** Returns the request under its new id, as it is sent to the client. */
  toClient(message: RequestMessage): RequestMessage {
    const id = this.#serverIds.add(message.id);
    this.#serverIds.shrinkTo(MAX_PENDING);
    return { ...message, id };
  }

  /** Returns the server's id of a request that the client has answered, and forgets the request. */
  take(clientId: unknown): RequestId | undefined {
    return this.#serverIds.take(clientId);
  }

  /** Returns the client's id of a request that the server cancels. */
  clientIdOf(serverId: unknown): RequestId | undefined {
    return this.#serverIds.findLast((id) => id === serverId);
  }
}

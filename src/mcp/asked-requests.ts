/** The requests of a server that its client has not answered yet. */
import { setBounded } from "../primitives/bounded-map.js";
import type { RequestId, RequestMessage } from "./messages.js";
import { asNumber } from "./open-requests.js";

const MAX_ASKED = 1000;

/** Gives a server's requests ids of the connection's own: what a server chooses could be data. */
export class AskedRequests {
  readonly #serverIds = new Map<string, RequestId>();
  #latest = 0;

  /** Returns the message as the client gets it. */
  toClient(message: RequestMessage): RequestMessage {
    this.#latest += 1;
    setBounded(this.#serverIds, String(this.#latest), message.id, MAX_ASKED);
    return { ...message, id: this.#latest };
  }

  /** Returns the server's id of a request that the client answers, and forgets it. */
  take(clientId: unknown): RequestId | undefined {
    const key = String(asNumber(clientId));
    const id = this.#serverIds.get(key);
    this.#serverIds.delete(key);
    return id;
  }

  /** Returns the client's id of a request that the server takes back. */
  clientIdOf(serverId: unknown): RequestId | undefined {
    const asked = [...this.#serverIds].findLast(([, id]) => id === serverId);
    return asked === undefined ? undefined : Number(asked[0]);
  }
}

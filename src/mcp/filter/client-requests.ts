/** Pending requests from a client to its server. */

import type { ToolRules } from "../policy/policy-rules.js";
import {
  isRequestId,
  type NotificationMessage,
  objectAt,
  type RequestId,
  type RequestMessage,
} from "../protocol/messages.js";
import { PendingRequests } from "../protocol/pending-requests.js";
import type { Echoes } from "../values/echoes.js";

/** A pending tool call. */
interface OpenCall {
  readonly tool: string;
  readonly rules: ToolRules;
  /** The values that were opened for the call. */
  readonly echoes: Echoes;
}

/** A pending request. */
export interface OpenRequest {
  /** The id that is sent to the server. It is unique on the connection. */
  readonly id: number;
  /** The client's message. */
  readonly message: RequestMessage;
  /** Returns the subject of the request. */
  readonly subject: () => Promise<string>;
  /** The client's protocol revision, if known. */
  readonly revision: unknown;
  /** Present for tool calls whose arguments are ready. */
  call?: OpenCall;
  /** The number of progress notifications from the server. */
  progress: number;
}

const MAX_PENDING = 1000;

/** Gives every request of a client an id and a progress token that are used only once. */
export class ClientRequests {
  readonly #pending = new PendingRequests<OpenRequest>();

  /** Whether the maximum number of requests is pending. */
  get isFull(): boolean {
    return this.#pending.size >= MAX_PENDING;
  }

  /** Adds a pending request. */
  add(message: RequestMessage, asked: Pick<OpenRequest, "subject" | "revision">): OpenRequest {
    const request = { id: 0, message, ...asked, progress: 0 };
    request.id = this.#pending.add(request);
    return request;
  }

  /** Returns a request by the id or progress token that was sent to the server. */
  get(id: unknown): OpenRequest | undefined {
    return this.#pending.get(id);
  }

  /** Returns the ids of the pending requests, as sent to the server. */
  ids(): readonly number[] {
    return this.#pending.ids();
  }

  /** Returns whether a request is still pending. */
  has({ id }: OpenRequest): boolean {
    return this.#pending.get(id) !== undefined;
  }

  /** Removes a request whose response has arrived, and returns it. */
  take(id: unknown): OpenRequest | undefined {
    return this.#pending.take(id);
  }

  /**
   * Removes the request that a client cancels by its own id. If the client used the id twice, the
   * latest request is removed.
   */
  cancel(clientId: unknown): OpenRequest | undefined {
    return this.take(this.#pending.findLast(({ message }) => message.id === clientId));
  }
}

/** Returns the request as it is sent to the server, with the connection's id and progress token. */
export function toServer({ id, message }: OpenRequest): RequestMessage {
  const { params } = message;
  if (progressTokenOf(message) === undefined) return { ...message, id };
  const meta = { ...objectAt(params, "_meta"), progressToken: id };
  return { ...message, id, params: { ...params, _meta: meta } };
}

/** Returns the client's progress token, if the client asked for progress. */
export function progressTokenOf({ params }: RequestMessage): RequestId | undefined {
  const token = objectAt(params, "_meta")["progressToken"];
  return isRequestId(token) ? token : undefined;
}

/** Returns a notification with the client's progress token. */
export function withClientToken(
  message: NotificationMessage,
  request: OpenRequest,
): NotificationMessage {
  const progressToken = progressTokenOf(request.message);
  return { ...message, params: { ...message.params, progressToken } };
}

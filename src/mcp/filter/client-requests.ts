/** Pending requests from a client to its server. */

import type { ToolRules } from "../policy/policy-rules.js";
import {
  isRequestId,
  type NotificationMessage,
  objectAt,
  type RequestId,
  type RequestMessage,
} from "../protocol/messages.js";
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

const MAX_OPEN = 1000;

/**
 * Gives every request an id and a progress token that are used only once. A response is therefore
 * matched to its own request, even if the client uses an id twice or the response is late.
 */
export class OpenRequests {
  readonly #open = new Map<number, OpenRequest>();
  #latest = 0;

  /** Whether the maximum number of requests is pending. */
  get isFull(): boolean {
    return this.#open.size >= MAX_OPEN;
  }

  /** Adds a pending request. */
  add(message: RequestMessage, asked: Pick<OpenRequest, "subject" | "revision">): OpenRequest {
    this.#latest += 1;
    const request: OpenRequest = { id: this.#latest, message, ...asked, progress: 0 };
    this.#open.set(request.id, request);
    return request;
  }

  /** Returns a request by the id or progress token that was sent to the server. */
  get(id: unknown): OpenRequest | undefined {
    return this.#open.get(asNumber(id));
  }

  /** Returns the ids of the pending requests, as sent to the server. */
  ids(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** Returns whether a request is still pending. */
  has({ id }: OpenRequest): boolean {
    return this.#open.has(id);
  }

  /** Removes a request whose response has arrived, and returns it. */
  take(id: unknown): OpenRequest | undefined {
    const request = this.get(id);
    if (request !== undefined) this.#open.delete(request.id);
    return request;
  }

  /**
   * Removes the request that a client cancels by its own id. If the client used the id twice, the
   * latest request is removed.
   */
  cancel(clientId: unknown): OpenRequest | undefined {
    const request = [...this.#open.values()].findLast(({ message }) => message.id === clientId);
    return request === undefined ? undefined : this.take(request.id);
  }
}

const DIGITS = /^[1-9]\d{0,15}$/;

/** Returns an id as a number. Some servers send it back as a text. */
export function asNumber(id: unknown): number {
  if (typeof id === "number") return id;
  return typeof id === "string" && DIGITS.test(id) ? Number(id) : Number.NaN;
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

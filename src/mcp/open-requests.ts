/** The requests of a client that its server has not answered yet. */
import type { Echoes } from "./echoes.js";
import {
  isRequestId,
  type NotificationMessage,
  objectAt,
  type RequestId,
  type RequestMessage,
} from "./messages.js";
import type { ToolRules } from "./policy-rules.js";

/** A tool call that is on its way. */
interface OpenCall {
  readonly tool: string;
  readonly rules: ToolRules;
  /** What was opened for it. */
  readonly echoes: Echoes;
}

/** A request that is on its way. */
export interface OpenRequest {
  /** The id that the server knows it by: no other request of the connection ever has it. */
  readonly id: number;
  /** The client's message. */
  readonly message: RequestMessage;
  /** For whom the client asks. */
  readonly subject: () => Promise<string>;
  /** The revision of the protocol that the client speaks, if that is known. */
  readonly revision: unknown;
  /** Present for tool calls, once their arguments are ready. */
  call?: OpenCall;
  /** How often the server has told of progress. */
  progress: number;
}

const MAX_OPEN = 1000;

/**
 * Gives every request an id and a progress token that are used once: whatever ids a client uses again,
 * and however late an answer comes, it is taken for the answer to the request that it belongs to.
 */
export class OpenRequests {
  readonly #open = new Map<number, OpenRequest>();
  #latest = 0;

  /** Whether no more requests may wait. */
  get isFull(): boolean {
    return this.#open.size >= MAX_OPEN;
  }

  /** Remembers a request until it is answered. */
  add(message: RequestMessage, asked: Pick<OpenRequest, "subject" | "revision">): OpenRequest {
    this.#latest += 1;
    const request: OpenRequest = { id: this.#latest, message, ...asked, progress: 0 };
    this.#open.set(request.id, request);
    return request;
  }

  /** Returns a request by the server's id or progress token of it. */
  get(id: unknown): OpenRequest | undefined {
    return this.#open.get(asNumber(id));
  }

  /** The server's ids of the requests that wait for an answer. */
  ids(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** Tells whether a request still waits for its answer. */
  has({ id }: OpenRequest): boolean {
    return this.#open.has(id);
  }

  /** Returns a request whose answer has come, and forgets it. */
  take(id: unknown): OpenRequest | undefined {
    const request = this.get(id);
    if (request !== undefined) this.#open.delete(request.id);
    return request;
  }

  /** Forgets the request that a client cancels by its own id; the latest, where it used the id twice. */
  cancel(clientId: unknown): OpenRequest | undefined {
    const request = [...this.#open.values()].findLast(({ message }) => message.id === clientId);
    return request === undefined ? undefined : this.take(request.id);
  }
}

const DIGITS = /^[1-9]\d{0,15}$/;

/** Returns an id as the number that it is: some servers send it back as a text. */
export function asNumber(id: unknown): number {
  if (typeof id === "number") return id;
  return typeof id === "string" && DIGITS.test(id) ? Number(id) : Number.NaN;
}

/** Returns the message as the server gets it, under ids of the connection's own. */
export function toServer({ id, message }: OpenRequest): RequestMessage {
  const { params } = message;
  if (progressTokenOf(message) === undefined) return { ...message, id };
  const meta = { ...objectAt(params, "_meta"), progressToken: id };
  return { ...message, id, params: { ...params, _meta: meta } };
}

/** Returns the token under which a client wants to hear of progress. */
export function progressTokenOf({ params }: RequestMessage): RequestId | undefined {
  const token = objectAt(params, "_meta")["progressToken"];
  return isRequestId(token) ? token : undefined;
}

/** Returns a notification about a request under the token that the client knows. */
export function withClientToken(
  message: NotificationMessage,
  request: OpenRequest,
): NotificationMessage {
  const progressToken = progressTokenOf(request.message);
  return { ...message, params: { ...message.params, progressToken } };
}

const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** Returns the revision that a request names itself, as requests do from revision 2026-07-28 on. */
export function revisionNamedBy({ params }: RequestMessage): unknown {
  return objectAt(params, "_meta")[VERSION_KEY];
}

/** Returns the revision that a client asks for, by `initialize` or with any request. */
export function revisionAskedFor(message: RequestMessage): unknown {
  return revisionNamedBy(message) ?? message.params?.["protocolVersion"];
}

/** Tells whether a request follows revision 2026-07-28 or later, whose results name their type. */
export function isModern(message: RequestMessage): boolean {
  return revisionNamedBy(message) !== undefined;
}

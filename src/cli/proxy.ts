/** Forwards messages between a client and a server through the filter. */

import { filterBatch, type MessageFilter, type Passage } from "../mcp/filter/message-filter.js";
import {
  NOT_EXECUTED_ENDED,
  NOT_EXECUTED_REFUSED,
  NOT_EXECUTED_TOO_MANY,
} from "../mcp/protocol/fixed-texts.js";
import {
  type ErrorMessage,
  isObject,
  isRequestId,
  type Message,
  type RequestId,
  type RequestMessage,
  refusal,
} from "../mcp/protocol/messages.js";
import { INVALID_REQUEST } from "../mcp/protocol/rpc-errors.js";
import { settlesWithin } from "../primitives/settles-within.js";
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";
import { CommandError } from "./command-error.js";
import type { Endpoint, Sent } from "./endpoint.js";
import type { ReadLine } from "./message-lines.js";
import type { Admission, StartCheck } from "./start-check.js";

/** Options of {@link runProxy}. */
export interface ProxyOptions {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly filter: MessageFilter;
  /** Returns the subject that the client acts for. */
  readonly subject: () => string;
  /** Checks the server's tools before the client may use them. */
  readonly check?: StartCheck | undefined;
  /** Closes both sides. */
  readonly signal?: AbortSignal | undefined;
}

/** The side that disconnected. */
export type ProxyEnd = "client" | "server";

type FilterOne = (message: unknown) => MaybePromise<Passage>;

/** Time limit for the server's responses after the client has disconnected, in milliseconds. */
const ANSWERS_MS = 2000;
/** Time limit for the client to read the last messages, in milliseconds. */
const LAST_MS = 1000;

const PARSE_ERROR: ErrorMessage = {
  jsonrpc: "2.0",
  id: null,
  error: { code: -32700, message: "Parse error" },
};

/** The error texts for messages that the start check rejects. */
const REFUSED: Readonly<Record<Exclude<Admission, "pass" | "cancelled">, string>> = {
  unfit: NOT_EXECUTED_REFUSED,
  full: NOT_EXECUTED_TOO_MANY,
  ended: NOT_EXECUTED_ENDED,
};

/**
 * Forwards messages until one side disconnects, and then closes both. After the client has disconnected, the
 * remaining messages of the server are still forwarded.
 *
 * @returns The side that disconnected; also `"client"` if the signal ended the connection.
 * @throws CommandError The server has a tool that does not fit the policy.
 */
export async function runProxy(options: ProxyOptions): Promise<ProxyEnd> {
  const { client, server, signal, check } = options;
  const proxy = new MessageProxy(options);
  // Both sides are closed at the same time: a pending message could wait for a server that does not read.
  const hangUp = () => void Promise.all([client.close(), server.close()]);
  signal?.addEventListener("abort", hangUp, { once: true });
  const serving = server.run((received) => proxy.fromServer(received));
  const asking = client.run((received) => proxy.fromClient(received));
  if (signal?.aborted === true) hangUp();
  const first = await Promise.race([
    asking.then(() => "client" as const),
    serving.then(() => "server" as const),
    ...(check === undefined ? [] : [check.refused]),
  ]);
  if (first === "client" && signal?.aborted !== true)
    await settlesWithin(ANSWERS_MS, proxy.answered());
  check?.end();
  await server.close();
  await serving;
  await settlesWithin(LAST_MS, Promise.all([proxy.failWaiting(), proxy.admitted()]));
  await client.close();
  signal?.removeEventListener("abort", hangUp);
  if (first instanceof CommandError) throw first;
  return signal?.aborted === true ? "client" : first;
}

class MessageProxy {
  readonly #options: ProxyOptions;
  #onIdle: (() => void) | undefined;
  readonly #held = new Set<Promise<void>>();

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** Handles input from the client. Input that is not a message is rejected and never forwarded. */
  fromClient(received: ReadLine): MaybePromise<void> {
    const { client, check } = this.#options;
    if (received.kind !== "message") return this.#reply(client, PARSE_ERROR);
    const { value } = received;
    const admission = check?.admits(value) ?? "pass";
    if (!isPromise(admission)) return this.#admit(value, admission);
    const held = admission.then((known) => this.#admit(value, known));
    this.#held.add(held);
    return held.finally(() => this.#held.delete(held));
  }

  /** Resolves when no message waits for the start check. */
  async admitted(): Promise<void> {
    await Promise.allSettled(this.#held);
  }

  #admit(value: unknown, admission: Admission): MaybePromise<void> {
    if (admission === "pass") return this.#passOn(value);
    if (admission === "cancelled") return;
    return this.#reply(this.#options.client, refusals(value, REFUSED[admission]));
  }

  #passOn(value: unknown): MaybePromise<void> {
    const { client, server, filter, subject, check } = this.#options;
    const passing = passages(
      value,
      (message) => filter.fromClient(message, { subject }),
      (forward, reply) => this.#pass(this.#toServer(server, forward), this.#reply(client, reply)),
    );
    if (check?.awaits(value) === true) void Promise.resolve(passing).then(() => check.begin());
    return passing;
  }

  /**
   * Handles output of the server. Text that is not JSON-RPC is ignored, but an unreadable message may be the
   * response to any request, so it fails all pending requests.
   */
  fromServer(received: ReadLine): MaybePromise<void> {
    const { client, server, filter, check } = this.#options;
    if (received.kind === "noise") return;
    if (received.kind === "unreadable") {
      check?.takeUnreadable();
      return this.failWaiting();
    }
    if (received.kind === "unanswered") {
      return check?.takes({ id: received.id }) === true ? undefined : this.#failAll([received.id]);
    }
    if (check?.takes(received.value) === true) return;
    return passages(
      received.value,
      (message) => filter.fromServer(message),
      (forward, reply) => this.#pass(this.#reply(client, forward), this.#reply(server, reply)),
    );
  }

  /** Resolves when no request is pending. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#notifyIfIdle();
    });
  }

  #notifyIfIdle(): void {
    if (this.#onIdle === undefined || this.#options.filter.waiting().length > 0) return;
    this.#onIdle();
  }

  /** Sends an error response for every pending request. */
  failWaiting(): Promise<void> {
    return this.#failAll(this.#options.filter.waiting());
  }

  async #pass(...sending: readonly Promise<void>[]): Promise<void> {
    await Promise.all(sending);
    this.#notifyIfIdle();
  }

  /** Forwards a message to the server. If that fails, its requests get an error response immediately. */
  async #toServer(server: Endpoint, message: Sent | undefined): Promise<void> {
    if (message === undefined) return;
    try {
      await server.send(message);
    } catch {
      const messages: readonly Message[] = isBatch(message) ? message : [message];
      await this.#failAll(messages.flatMap((one) => (isRequest(one) ? [one.id] : [])));
    }
  }

  async #failAll(ids: readonly RequestId[]): Promise<void> {
    const { client, filter } = this.#options;
    for (const id of ids) await this.#reply(client, filter.unanswered(id).forward);
    this.#notifyIfIdle();
  }

  /** Sends a message, and ignores the error if the side has disconnected. */
  async #reply(endpoint: Endpoint, message: Sent | undefined): Promise<void> {
    if (message !== undefined) await endpoint.send(message).catch(() => undefined);
  }
}

function isRequest(message: Message): message is RequestMessage {
  return "method" in message && "id" in message;
}

/** Returns the error responses for the requests in a message that is not forwarded. */
function refusals(received: unknown, text: string): Sent | undefined {
  const responses = [received].flat().flatMap((one) => {
    const id = isObject(one) ? one["id"] : undefined;
    return isRequestId(id) ? [refusal(id, INVALID_REQUEST, text)] : [];
  });
  return Array.isArray(received) ? unlessEmpty(responses) : responses[0];
}

function isBatch(message: Sent): message is readonly Message[] {
  return Array.isArray(message);
}

/** Filters and forwards a message, or a batch as one batch. Stays synchronous if the filter does. */
function passages(
  received: unknown,
  filterOne: FilterOne,
  pass: (forward: Sent | undefined, reply: Sent | undefined) => Promise<void>,
): MaybePromise<void> {
  if (Array.isArray(received)) return passBatch(received, filterOne, pass);
  const passing = filterOne(received);
  const passOne = ({ forward, reply }: Passage) => pass(forward, reply);
  return isPromise(passing) ? passing.then(passOne) : passOne(passing);
}

async function passBatch(
  batch: readonly unknown[],
  filterOne: FilterOne,
  pass: (forward: Sent | undefined, reply: Sent | undefined) => Promise<void>,
): Promise<void> {
  const { forward, reply } = await filterBatch(batch, filterOne);
  await pass(unlessEmpty(forward), unlessEmpty(reply));
}

function unlessEmpty(messages: readonly Message[]): Sent | undefined {
  return messages.length === 0 ? undefined : messages;
}

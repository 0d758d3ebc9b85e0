/** Passes messages between a client and a server, through the filter. */
import { filterBatch, type MessageFilter, type Passage } from "../mcp/message-filter.js";
import type { ErrorMessage, Message, RequestId, RequestMessage } from "../mcp/messages.js";
import { INTERNAL_ERROR } from "../mcp/rpc-errors.js";
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";
import type { ReadLine } from "./message-lines.js";
import type { Sent, Side } from "./side.js";
import { within } from "./within.js";

/** The two sides of a proxy, and what is between them. */
export interface ProxyOptions {
  readonly client: Side;
  readonly server: Side;
  readonly filter: MessageFilter;
  /** Tells for whom the client asks. */
  readonly subject: () => string;
  /** Ends the connection. */
  readonly signal?: AbortSignal | undefined;
}

/** Which side hung up. */
export type ProxyEnd = "client" | "server";

type FilterOne = (message: unknown) => MaybePromise<Passage>;

/** How long the server may take to answer a client that has hung up, in milliseconds. */
const ANSWERS_MS = 2000;
/** How long a client may take to read what it is told last, in milliseconds. */
const LAST_MS = 1000;

const PARSE_ERROR: ErrorMessage = {
  jsonrpc: "2.0",
  id: null,
  error: { code: -32700, message: "Parse error" },
};

/**
 * Passes messages until one side hangs up, and then ends both: what the server still has to say to a
 * client that has hung up is passed on.
 *
 * @returns Which side it was; `"client"` as well where the signal ended it.
 */
export async function runProxy(options: ProxyOptions): Promise<ProxyEnd> {
  const { client, server, signal } = options;
  const proxy = new MessageProxy(options);
  // What is under way could wait for a server that does not read: it is ended at the same time.
  const hangUp = () => void Promise.all([client.close(), server.close()]);
  signal?.addEventListener("abort", hangUp, { once: true });
  const serving = server.run((received) => proxy.fromServer(received));
  const asking = client.run((received) => proxy.fromClient(received));
  if (signal?.aborted === true) hangUp();
  const first = await Promise.race([
    asking.then(() => "client" as const),
    serving.then(() => "server" as const),
  ]);
  if (first === "client" && signal?.aborted !== true) await within(ANSWERS_MS, proxy.answered());
  await server.close();
  await serving;
  await within(LAST_MS, proxy.failWaiting());
  await client.close();
  signal?.removeEventListener("abort", hangUp);
  return signal?.aborted === true ? "client" : first;
}

class MessageProxy {
  readonly #options: ProxyOptions;
  #onAnswered: (() => void) | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** What is no message is refused, and never passed on. */
  fromClient(received: ReadLine): MaybePromise<void> {
    const { client, server, filter, subject } = this.#options;
    if (received.kind !== "message") return this.#reply(client, PARSE_ERROR);
    return passages(
      received.value,
      (message) => filter.fromClient(message, { subject }),
      (forward, reply) => this.#pass(this.#toServer(server, forward), this.#reply(client, reply)),
    );
  }

  /** Servers print other things, too; but a message that cannot be read may be any answer. */
  fromServer(received: ReadLine): MaybePromise<void> {
    const { client, server, filter } = this.#options;
    if (received.kind === "noise") return;
    if (received.kind === "unreadable") return this.failWaiting();
    return passages(
      received.value,
      (message) => filter.fromServer(message),
      (forward, reply) => this.#pass(this.#reply(client, forward), this.#reply(server, reply)),
    );
  }

  /** Resolves once no request waits for an answer. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswered = resolve;
      this.#tellIfAnswered();
    });
  }

  #tellIfAnswered(): void {
    if (this.#onAnswered === undefined || this.#options.filter.waiting().length > 0) return;
    this.#onAnswered();
  }

  /** Answers the requests that the server has not answered. */
  failWaiting(): Promise<void> {
    return this.#failAll(this.#options.filter.waiting());
  }

  async #pass(...sending: readonly Promise<void>[]): Promise<void> {
    await Promise.all(sending);
    this.#tellIfAnswered();
  }

  /** What does not reach the server is answered at once. */
  async #toServer(server: Side, message: Sent | undefined): Promise<void> {
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
    for (const id of ids) {
      const error = { code: INTERNAL_ERROR, message: "The server gave no answer" };
      const { forward } = await filter.fromServer({ jsonrpc: "2.0", id, error });
      await this.#reply(client, forward);
    }
    this.#tellIfAnswered();
  }

  /** A side that has hung up hears nothing more. */
  async #reply(side: Side, message: Sent | undefined): Promise<void> {
    if (message !== undefined) await side.send(message).catch(() => undefined);
  }
}

function isRequest(message: Message): message is RequestMessage {
  return "method" in message && "id" in message;
}

function isBatch(message: Sent): message is readonly Message[] {
  return Array.isArray(message);
}

/** Filters a message, or a batch that comes out as one; at once, where nothing has to be waited for. */
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

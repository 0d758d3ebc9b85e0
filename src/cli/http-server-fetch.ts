/** A `fetch` for Streamable HTTP that extracts the messages from the server's responses. */
import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { isRequestId, isResponseLike, type RequestId } from "../mcp/protocol/messages.js";
import { takeMessages } from "./message-events.js";
import { MAX_MESSAGE_BYTES, parseMessage, type ReadLine } from "./message-lines.js";

type Body = ReadableStream<Uint8Array>;

/**
 * Replaces the SDK's `fetch`. The SDK handles sessions, redirects and resumed streams. It would parse JSON
 * with `JSON.parse`, which changes large integers, so this class removes all messages from the responses
 * first.
 */
export class ServerFetch {
  readonly #asked = new AsyncLocalStorage<readonly RequestId[]>();
  readonly #receive: (received: ReadLine) => void;

  constructor(receive: (received: ReadLine) => void) {
    this.#receive = receive;
  }

  /** Runs `send`. Responses that are fetched during it may answer the requests `ids` and no others. */
  asking(ids: readonly RequestId[], send: () => Promise<void>): Promise<void> {
    return this.#asked.run(ids, send);
  }

  /** The replacement for `fetch`. */
  readonly fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    const { body } = response;
    if (body === null) return response;
    const asked = this.#asked.getStore() ?? [];
    const type = mediaTypeOf(response);
    const isPost = init?.method === "POST";
    const isAwaited = isPost ? asked.length > 0 : init?.method === "GET";
    if (isAwaited && response.ok && type === "text/event-stream") {
      return withBody(response, body.pipeThrough(takeMessages(this.#eventsFor(asked))));
    }
    const isDocument = isPost && isAwaited && type === "application/json";
    if (isDocument && response.ok) return this.#takeDocument(response, body, asked);
    if (isDocument && response.status === 400) return this.#takeRefusal(response, body, asked);
    return withBody(response, body.pipeThrough(boundedBytes()));
  };

  /** An unreadable event may be the response to any request of the stream, so it fails all of them. */
  #eventsFor(asked: readonly RequestId[]): Parameters<typeof takeMessages>[0] {
    const endsUnreadable = asked.length > 0;
    return {
      endsUnreadable,
      receive: (received) => {
        if (received.kind === "unreadable" && endsUnreadable) this.#end(asked);
        else this.#receive(received);
      },
    };
  }

  /** @throws Error The document cannot be read. The SDK's `send` then rejects, which fails the requests. */
  async #takeDocument(
    response: Response,
    body: Body,
    asked: readonly RequestId[],
  ): Promise<Response> {
    const value = parseMessage(await bytesOf(body));
    if (value === undefined) throw new Error("An answer cannot be read");
    for (const one of [value].flat()) this.#receive({ kind: "message", value: one });
    this.#end(asked);
    return new Response(null, { status: 202, headers: response.headers });
  }

  /** Takes a JSON-RPC error, which revision 2026-07-28 sends with status 400. */
  async #takeRefusal(
    response: Response,
    body: Body,
    asked: readonly RequestId[],
  ): Promise<Response> {
    const value = parseMessage(await bytesOf(body));
    const id = isResponseLike(value) ? value["id"] : undefined;
    const { status, headers } = response;
    if (!isRequestId(id) || !asked.includes(id)) return new Response("", { status, headers });
    this.#receive({ kind: "message", value });
    this.#end(asked);
    return new Response(null, { status: 202, headers });
  }

  /** Fails the requests that have no response yet. */
  #end(asked: readonly RequestId[]): void {
    for (const id of asked) this.#receive({ kind: "unanswered", id });
  }
}

function mediaTypeOf({ headers }: Response): string | undefined {
  return headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

function withBody({ status, statusText, headers }: Response, body: Body): Response {
  return new Response(body, { status, statusText, headers });
}

async function bytesOf(body: Body): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body.pipeThrough(boundedBytes())) pieces.push(piece);
  return Buffer.concat(pieces);
}

function boundedBytes(): TransformStream<Uint8Array, Uint8Array> {
  let length = 0;
  return new TransformStream({
    transform(chunk, controller) {
      length += chunk.length;
      if (length > MAX_MESSAGE_BYTES) controller.error(new Error("A message is too large"));
      else controller.enqueue(chunk);
    },
  });
}

/** A server that the proxy reaches over Streamable HTTP. It needs the package `@modelcontextprotocol/client`. */
import { loadPeer } from "../load-peer.js";
import { isObject, type Message, type RequestId } from "../mcp/messages.js";
import { settlesWithin } from "../primitives/settles-within.js";
import { CommandError, FAILED, usageError } from "./command-error.js";
import { MAX_MESSAGE_BYTES, type ReadLine } from "./message-lines.js";
import { passOn, type Receive, type Sent, type Side } from "./side.js";

/** Where a server is, and what to show it: never what a client showed to the proxy. */
export interface HttpServerAddress {
  readonly url: URL;
  /** The environment variable with the bearer token for it. */
  readonly tokenVariable: string | undefined;
}

/** The part of the SDK's transport that is used here. */
interface HttpTransport {
  onmessage?: ((message: unknown) => void) | undefined;
  onclose?: (() => void) | undefined;
  start(): Promise<void>;
  send(message: unknown, options: { readonly onRequestStreamEnd: () => void }): Promise<void>;
  close(): Promise<void>;
  terminateSession(): Promise<void>;
  setProtocolVersion(version: string): void;
}

/** How long the server may take to end a session, in milliseconds. */
const END_MS = 2000;

/**
 * Connects to a server.
 *
 * @throws CommandError There is no token in the variable.
 * @throws PeerMissingError `PeerBrokenError`
 */
export async function connectServer(
  { url, tokenVariable }: HttpServerAddress,
  environment: NodeJS.ProcessEnv,
): Promise<Side> {
  const headers = authorization(tokenVariable, environment);
  const { StreamableHTTPClientTransport } = await loadPeer(
    "@modelcontextprotocol/client",
    () => import("@modelcontextprotocol/client"),
  );
  const options = { requestInit: { headers }, fetch: boundedFetch };
  const transport: unknown = new StreamableHTTPClientTransport(url, options);
  return new HttpServerSide(transport as HttpTransport);
}

function authorization(
  tokenVariable: string | undefined,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  if (tokenVariable === undefined) return {};
  const token = environment[tokenVariable];
  if (token === undefined || token === "") {
    throw usageError("the variable after --url-token-env is not set");
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new CommandError("the token for --url has characters that no header can hold", FAILED);
  }
  return { authorization: `Bearer ${token}` };
}

class HttpServerSide implements Side {
  readonly #transport: HttpTransport;
  #initializing: RequestId | undefined;
  #receive: (received: ReadLine) => void = () => undefined;

  constructor(transport: HttpTransport) {
    this.#transport = transport;
  }

  async run(receive: Receive): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#transport.onclose = resolve;
    });
    this.#receive = (received) => void passOn(received, receive);
    this.#transport.onmessage = (value) => {
      this.#learnVersion(value);
      this.#receive({ kind: "message", value });
    };
    await this.#transport.start();
    await closed;
  }

  async send(message: Sent): Promise<void> {
    if (isObject(message) && message["method"] === "initialize") {
      this.#initializing = message["id"] as RequestId;
    }
    await this.#transport.send(message, { onRequestStreamEnd: () => this.#endAnswers(message) });
  }

  async close(): Promise<void> {
    await settlesWithin(END_MS, this.#transport.terminateSession());
    await this.#transport.close();
  }

  /** A stream that has ended brings no more answers; those that it has brought stand. */
  #endAnswers(sent: Sent): void {
    const messages: readonly Message[] = Array.isArray(sent) ? sent : [sent];
    for (const message of messages) {
      if ("method" in message && "id" in message) {
        this.#receive({ kind: "unanswered", id: message.id });
      }
    }
  }

  /** All requests after the first name the revision that the server chose. */
  #learnVersion(value: unknown): void {
    if (!isObject(value) || value["id"] !== this.#initializing) return;
    const { result } = value as { readonly result?: unknown };
    const version = isObject(result) ? result["protocolVersion"] : undefined;
    if (typeof version === "string") this.#transport.setProtocolVersion(version);
  }
}

/** Fetches what holds no message over the bound. */
async function boundedFetch(input: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  if (response.body === null) return response;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const { status, statusText, headers } = response;
  const body = response.body.pipeThrough(isStream ? boundedLines() : boundedBytes());
  return new Response(body, { status, statusText, headers });
}

function boundedBytes(): TransformStream<Uint8Array, Uint8Array> {
  return bounded((length, chunk) => length + chunk.length);
}

/** A message is one line of a stream of events. */
function boundedLines(): TransformStream<Uint8Array, Uint8Array> {
  return bounded((length, chunk) => {
    const end = chunk.lastIndexOf(0x0a);
    return end < 0 ? length + chunk.length : chunk.length - end - 1;
  });
}

function bounded(
  lengthAfter: (length: number, chunk: Uint8Array) => number,
): TransformStream<Uint8Array, Uint8Array> {
  let length = 0;
  return new TransformStream({
    transform(chunk, controller) {
      length = lengthAfter(length, chunk);
      if (length > MAX_MESSAGE_BYTES) controller.error(new Error("A message is too large"));
      else controller.enqueue(chunk);
    },
  });
}

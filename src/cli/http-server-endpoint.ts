/** Connects to a server over Streamable HTTP. Requires the package `@modelcontextprotocol/client`. */
import { loadPeer } from "../load-peer.js";
import { isObject, type Message, type RequestId } from "../mcp/protocol/messages.js";
import { settlesWithin } from "../primitives/settles-within.js";
import { CommandError, FAILED, usageError } from "./command-error.js";
import { type Endpoint, forwardTo, type Receive, type Sent } from "./endpoint.js";
import { ServerFetch } from "./http-server-fetch.js";
import type { ReadLine } from "./message-lines.js";

/** The address of a server and the proxy's credentials for it. A client's credentials are never forwarded. */
export interface HttpServerAddress {
  readonly url: URL;
  /** The environment variable that holds the bearer token for the server. */
  readonly tokenVariable: string | undefined;
}

/** The part of the SDK's transport that is used here. */
interface HttpTransport {
  onclose?: (() => void) | undefined;
  start(): Promise<void>;
  send(message: unknown, options: { readonly onRequestStreamEnd: () => void }): Promise<void>;
  close(): Promise<void>;
  terminateSession(): Promise<void>;
  setProtocolVersion(version: string): void;
}

/** Time limit for the server to end a session, in milliseconds. */
const END_MS = 2000;

/**
 * Connects to a server.
 *
 * @throws CommandError The environment variable holds no token.
 * @throws {@link PeerMissingError} {@link PeerBrokenError}
 */
export async function connectServer(
  { url, tokenVariable }: HttpServerAddress,
  environment: NodeJS.ProcessEnv,
): Promise<Endpoint> {
  const headers = authorization(tokenVariable, environment);
  const { StreamableHTTPClientTransport } = await loadPeer(
    "@modelcontextprotocol/client",
    () => import("@modelcontextprotocol/client"),
  );
  return new HttpServerEndpoint((fetch) => {
    const options = { requestInit: { headers }, fetch };
    const transport: unknown = new StreamableHTTPClientTransport(url, options);
    return transport as HttpTransport;
  });
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

class HttpServerEndpoint implements Endpoint {
  readonly #fetch = new ServerFetch((received) => this.#take(received));
  readonly #transport: HttpTransport;
  #initializing: RequestId | undefined;
  #receive: (received: ReadLine) => void = () => undefined;

  constructor(open: (fetch: ServerFetch["fetch"]) => HttpTransport) {
    this.#transport = open(this.#fetch.fetch);
  }

  async run(receive: Receive): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#transport.onclose = resolve;
    });
    this.#receive = (received) => void forwardTo(received, receive);
    await this.#transport.start();
    await closed;
  }

  async send(message: Sent): Promise<void> {
    if (isObject(message) && message["method"] === "initialize") {
      this.#initializing = message["id"] as RequestId;
    }
    const asked = requestsIn(message);
    const onRequestStreamEnd = () => this.#endResponses(asked);
    await this.#fetch.asking(asked, () => this.#transport.send(message, { onRequestStreamEnd }));
  }

  async close(): Promise<void> {
    await settlesWithin(END_MS, this.#transport.terminateSession());
    await this.#transport.close();
  }

  #take(received: ReadLine): void {
    if (received.kind === "message") this.#learnVersion(received.value);
    this.#receive(received);
  }

  /** Fails the requests that had no response when the stream ended. */
  #endResponses(asked: readonly RequestId[]): void {
    for (const id of asked) this.#receive({ kind: "unanswered", id });
  }

  /** Stores the revision that the server chose: all later requests must name it. */
  #learnVersion(value: unknown): void {
    if (!isObject(value) || value["id"] !== this.#initializing) return;
    const { result } = value as { readonly result?: unknown };
    const version = isObject(result) ? result["protocolVersion"] : undefined;
    if (typeof version === "string") this.#transport.setProtocolVersion(version);
  }
}

function requestsIn(sent: Sent): readonly RequestId[] {
  const messages: readonly Message[] = Array.isArray(sent) ? sent : [sent];
  return messages.flatMap((one) => ("method" in one && "id" in one ? [one.id] : []));
}

/** A transport of the MCP SDK that passes nothing but what the filter lets through. */
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";
import type { MessageFilter, Passage } from "./message-filter.js";
import type { JsonObject, RequestId } from "./messages.js";
import { OwnRequests } from "./own-requests.js";
import { type AskForTools, modernParams } from "./tool-survey.js";

/** What an authenticated transport knows of the client: the SDK's `authInfo`. */
export interface ClientAuthentication {
  readonly token?: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** What else the token's verifier put there, such as the subject. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** What a subject may be told from: nothing that a client or a model can choose. */
export interface SubjectContext {
  /** Absent where the transport does not authenticate: over stdio, above all. */
  readonly authInfo?: ClientAuthentication | undefined;
}

/** The part of an SDK transport that is changed. */
export interface McpTransport {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
}

interface SendOptions {
  readonly relatedRequestId?: RequestId | undefined;
}
/** What a transport tells of a message; the request that carried it in the form of SDK 1 or of SDK 2. */
interface MessageExtra extends SubjectContext {
  readonly requestInfo?: { readonly headers?: Readonly<Record<string, unknown>> };
  readonly request?: { readonly headers?: { get(name: string): unknown } };
}
type Receive = (message: unknown, extra?: MessageExtra) => void;
type Send = (message: unknown, options?: SendOptions) => Promise<void>;

/** The same transport with methods that take any message. */
interface OpenTransport {
  onmessage?: Receive | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start: () => Promise<void>;
  send: Send;
}

/** How a transport is filtered. */
export interface TransportFilter {
  readonly filter: MessageFilter;
  readonly subjectOf: (context: SubjectContext) => MaybePromise<string>;
  /** Looks at the server's tools before any client may ask; where it throws, nothing starts. */
  readonly checkTools?: ((ask: AskForTools) => Promise<void>) | undefined;
}

/** Changes a transport that has not been started. It is not wrapped: the SDK knows some by identity. */
export function filterTransport(transport: McpTransport, options: TransportFilter): void {
  const open = transport as unknown as OpenTransport;
  const filtered = new FilteredTransport(open, options);
  open.start = () => filtered.start();
  open.send = (message, sendOptions) => filtered.send(message, sendOptions);
}

class FilteredTransport {
  readonly #transport: OpenTransport;
  readonly #filter: MessageFilter;
  readonly #subjectOf: TransportFilter["subjectOf"];
  readonly #start: () => Promise<void>;
  readonly #send: Send;
  readonly #checkTools: TransportFilter["checkTools"];
  readonly #own = new OwnRequests();
  #isStarted = false;
  #receive: Receive = () => undefined;

  constructor(transport: OpenTransport, { filter, subjectOf, checkTools }: TransportFilter) {
    this.#transport = transport;
    this.#filter = filter;
    this.#subjectOf = subjectOf;
    this.#checkTools = checkTools;
    this.#start = transport.start.bind(transport);
    this.#send = transport.send.bind(transport);
  }

  /** What the SDK has set as receiver by now is what gets the filtered messages. */
  async start(): Promise<void> {
    const transport = this.#transport;
    this.#receive = transport.onmessage?.bind(transport) ?? this.#receive;
    transport.onmessage = (message, extra) => this.#deliver(message, extra);
    if (this.#checkTools !== undefined) await this.#checkTools((params) => this.#ask(params));
    this.#isStarted = true;
    return this.#start();
  }

  /** A server that serves one revision alone may not know the other's form of a request. */
  async #ask(params: JsonObject): Promise<JsonObject | undefined> {
    const ask = (given: JsonObject) =>
      this.#own.ask("tools/list", given, (message) => this.#receive(message));
    return (await ask(params)) ?? ask(modernParams(params));
  }

  async send(message: unknown, options: SendOptions = {}): Promise<void> {
    // Nobody hears what the server says before there is a client.
    if (this.#own.take(message) || !this.#isStarted) return;
    const { relatedRequestId: serverId } = options;
    const clientId = this.#filter.clientIdOf(serverId);
    const passing = this.#filter.fromServer(message, { relatedRequestId: serverId });
    const { forward, reply } = isPromise(passing) ? await passing : passing;
    if (reply !== undefined) this.#receive(reply);
    if (forward === undefined) return;
    if (serverId === undefined) await this.#send(forward, options);
    // What belongs to a request that was answered or cancelled has nobody to go to.
    else if (clientId !== undefined) {
      await this.#send(forward, { ...options, relatedRequestId: clientId });
    }
  }

  #deliver(message: unknown, extra?: MessageExtra): void {
    const { authInfo } = extra ?? {};
    const subject = () => this.#subjectOf(authInfo === undefined ? {} : { authInfo });
    const revision = revisionIn(extra);
    const passing = this.#filter.fromClient(message, { subject, revision });
    const passed = isPromise(passing)
      ? passing.then((passage) => this.#pass(passage, extra))
      : this.#pass(passing, extra);
    if (isPromise(passed)) passed.catch(() => this.#fail());
  }

  #pass({ forward, reply }: Passage, extra?: MessageExtra): MaybePromise<void> {
    if (forward !== undefined) this.#receive(forward, extra);
    return reply === undefined ? undefined : this.#send(reply, relatedTo(reply));
  }

  #fail(): void {
    this.#transport.onerror?.(new Error("A message could not be passed on."));
  }
}

const REVISION_HEADER = "mcp-protocol-version";

/** Servers without sessions see the revision that was agreed on in the header alone. */
function revisionIn({ requestInfo, request }: MessageExtra = {}): unknown {
  return (
    requestInfo?.headers?.[REVISION_HEADER] ?? request?.headers?.get(REVISION_HEADER) ?? undefined
  );
}

function relatedTo(reply: NonNullable<Passage["reply"]>): SendOptions {
  const id = "id" in reply ? reply.id : undefined;
  return id === undefined || id === null ? {} : { relatedRequestId: id };
}

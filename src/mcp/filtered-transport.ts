/** Changes a transport of the MCP SDK so that every message goes through the filter. */
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";
import type { MessageFilter, Passage } from "./filter/message-filter.js";
import { type AskForTools, modernParams } from "./filter/tool-survey.js";
import type { JsonObject, RequestId } from "./protocol/messages.js";
import { ProbeRequests } from "./protocol/probe-requests.js";

/** The client's identity from an authenticated transport: the SDK's `authInfo`. */
export interface ClientAuthentication {
  readonly token?: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Further data from the token's verifier, such as the subject. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** The data from which the subject is determined. A client or a model cannot choose any of it. */
export interface SubjectContext {
  /** Absent if the transport does not authenticate, as stdio does not. */
  readonly authInfo?: ClientAuthentication | undefined;
}

/** The members of an SDK transport that are replaced. */
export interface McpTransport {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
}

interface SendOptions {
  readonly relatedRequestId?: RequestId | undefined;
}
/**
 * The SDK's data about a message. The request that carried it is in `requestInfo` (SDK 1) or
 * `request` (SDK 2).
 */
interface MessageExtra extends SubjectContext {
  readonly requestInfo?: { readonly headers?: Readonly<Record<string, unknown>> };
  readonly request?: { readonly headers?: { get(name: string): unknown } };
}
type Receive = (message: unknown, extra?: MessageExtra) => void;
type Send = (message: unknown, options?: SendOptions) => Promise<void>;

/** The same transport with methods that accept any message. */
interface OpenTransport {
  onmessage?: Receive | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start: () => Promise<void>;
  send: Send;
}

/** The options of {@link filterTransport}. */
export interface TransportFilter {
  readonly filter: MessageFilter;
  readonly subjectOf: (context: SubjectContext) => MaybePromise<string>;
  /**
   * Checks the server's tools before a client can send a request. If it rejects, the transport does
   * not start.
   */
  readonly checkTools?: ((ask: AskForTools) => Promise<void>) | undefined;
}

/**
 * Replaces the methods of a transport that has not been started. The transport is not wrapped in
 * another object, because the SDK recognises some transports by identity.
 */
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
  readonly #probes = new ProbeRequests();
  /** Messages of a client that connected before the start. */
  readonly #early: [message: unknown, extra: MessageExtra | undefined][] = [];
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

  /**
   * Starts the transport. The SDK has set its own `onmessage` before this call; that function
   * receives the filtered messages.
   */
  async start(): Promise<void> {
    const transport = this.#transport;
    this.#receive = transport.onmessage?.bind(transport) ?? this.#receive;
    transport.onmessage = (message, extra) => this.#deliver(message, extra);
    if (this.#checkTools !== undefined) await this.#checkTools((params) => this.#ask(params));
    this.#isStarted = true;
    await this.#start();
    for (const [message, extra] of this.#early.splice(0)) this.#deliver(message, extra);
  }

  /**
   * Asks for the tools in the older form first, then in the newer one, because a server of one
   * revision may reject the form of the other.
   */
  async #ask(params: JsonObject): Promise<JsonObject | undefined> {
    const ask = (given: JsonObject) =>
      this.#probes.ask("tools/list", given, (message) => this.#receive(message));
    return (await ask(params)) ?? ask(modernParams(params));
  }

  async send(message: unknown, options: SendOptions = {}): Promise<void> {
    // Messages of the server before the start have no client as receiver, so they are dropped.
    if (this.#probes.take(message) || !this.#isStarted) return;
    const { relatedRequestId: serverId } = options;
    const clientId = this.#filter.clientIdOf(serverId);
    const passing = this.#filter.fromServer(message, { relatedRequestId: serverId });
    const { forward, reply } = isPromise(passing) ? await passing : passing;
    if (reply !== undefined) this.#receive(reply);
    if (forward === undefined) return;
    if (serverId === undefined) await this.#send(forward, options);
    // A message for a request that was answered or cancelled has no receiver, so it is dropped.
    else if (clientId !== undefined) {
      await this.#send(forward, { ...options, relatedRequestId: clientId });
    }
  }

  #deliver(message: unknown, extra?: MessageExtra): void {
    if (!this.#isStarted) {
      // The server's response would be taken for one to our questions about its tools, and be dropped.
      this.#early.push([message, extra]);
      return;
    }
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

/**
 * Returns the protocol revision from the HTTP header. A server without sessions finds it only
 * there.
 */
function revisionIn({ requestInfo, request }: MessageExtra = {}): unknown {
  return (
    requestInfo?.headers?.[REVISION_HEADER] ?? request?.headers?.get(REVISION_HEADER) ?? undefined
  );
}

function relatedTo(reply: NonNullable<Passage["reply"]>): SendOptions {
  const id = "id" in reply ? reply.id : undefined;
  return id === undefined || id === null ? {} : { relatedRequestId: id };
}

/** Filters the messages between an MCP client and a server. */
import type { MaybePromise } from "../../vault/contracts.js";
import type { Vault } from "../../vault/vault.js";
import type { AgentPolicy } from "../policy/policy.js";
import { isSealing } from "../policy/policy-rules.js";
import { checkServerName, isToolName, subjectOnce } from "../policy/principals.js";
import {
  MAY_HAVE_RUN,
  NOT_EXECUTED_REFUSED,
  NOT_EXECUTED_TOO_MANY,
  NOT_EXECUTED_UNKNOWN_SUBJECT,
  OUTPUT_UNREADABLE,
} from "../protocol/fixed-texts.js";
import {
  type ErrorMessage,
  isObject,
  isRequestId,
  isResponseLike,
  type JsonObject,
  type Message,
  type NotificationMessage,
  type RequestId,
  type RequestMessage,
  type ResultMessage,
  readMessage,
  refusal,
  resultResponse,
} from "../protocol/messages.js";
import { revisionAskedFor, revisionNamedBy } from "../protocol/revisions.js";
import {
  fixedError,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  isMethodNotFound,
} from "../protocol/rpc-errors.js";
import { Echoes } from "../values/echoes.js";
import { emptyList, handleReadBy, readHandle } from "../values/handle-links.js";
import type { HandleReuse } from "../values/handle-reuse.js";
import { toolError } from "../values/tool-result.js";
import { withheldText } from "../values/withheld.js";
import { ClientRequests, type OpenRequest, toServer, withClientToken } from "./client-requests.js";
import { openCursor } from "./cursors.js";
import { fixedNotice, requestNamedBy } from "./notifications.js";
import { type RefusedTools, refusedTools } from "./refused-tools.js";
import { isUnruled, rewriteResult, type ServerContext } from "./results.js";
import { ServerRequests } from "./server-requests.js";
import { prepareCall, toolResponse } from "./tool-calls.js";
import type { ToolList } from "./tool-list.js";

/** The options of {@link MessageFilter}. */
export interface MessageFilterOptions {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The name under which the policy lists the server. */
  readonly server: string;
  readonly reuse?: HandleReuse | undefined;
  /**
   * Receives warnings for the policy's author. They contain fixed texts and names from the policy
   * only.
   */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** The effect of a message: it is forwarded, answered at once, or dropped. */
export interface Passage {
  readonly forward?: Message | undefined;
  /** A response to the sender of the message. */
  readonly reply?: Message | undefined;
}

/** The messages to forward and the responses for a batch. */
export interface BatchPassage {
  readonly forward: readonly Message[];
  readonly reply: readonly Message[];
}

/**
 * Filters the messages of a batch one by one. Protocol revisions before 2025-06-18 have batches.
 */
export async function filterBatch(
  batch: readonly unknown[],
  filterOne: (message: unknown) => MaybePromise<Passage>,
): Promise<BatchPassage> {
  const passages = await Promise.all(batch.map(filterOne));
  return {
    forward: passages.flatMap(({ forward }) => (forward === undefined ? [] : [forward])),
    reply: passages.flatMap(({ reply }) => (reply === undefined ? [] : [reply])),
  };
}

/** Data about a client's message that is not in the message. */
export interface ClientContext {
  /**
   * Returns the subject of the request. It is called only if the subject is needed, and it may
   * reject.
   */
  readonly subject: () => MaybePromise<string>;
  /** The protocol revision from the transport, such as from an HTTP header. */
  readonly revision?: unknown;
}

/** Data about a server's message that is not in the message. */
export interface ServerMessageContext {
  /** The id, as sent to the server, of the request that the message belongs to. */
  readonly relatedRequestId?: unknown;
}

const NOTHING: Passage = {};
const NO_ECHOES = new Echoes([]);
/**
 * Methods that read resources and prompts. There are no rules for them, so a policy that refuses
 * unlisted tools also refuses these.
 */
const READS: ReadonlySet<string> = new Set([
  "resources/read",
  "resources/subscribe",
  "prompts/get",
  "completion/complete",
]);

/**
 * Filters one connection, message by message, in both directions.
 *
 * Handles in the arguments of tools are opened before the server receives them. Messages of the
 * server are sealed or replaced by fixed texts, unless they are known to carry no data. A message
 * that fails to be filtered is withheld.
 *
 * @example
 * ```ts
 * const filter = new MessageFilter({ vault, policy, server: "patients" });
 * const { forward, reply } = await filter.fromClient(message, { subject: () => "alice" });
 * ```
 */
export class MessageFilter {
  readonly #context: ServerContext;
  readonly #requests = new ClientRequests();
  readonly #asked = new ServerRequests();
  readonly #refused: RefusedTools;
  /**
   * The protocol revision from `initialize`, if client and server agreed on one for the connection.
   */
  #revision: unknown;

  constructor(options: MessageFilterOptions) {
    const { vault, policy, server, reuse, onWarning } = options;
    checkServerName(server, "server");
    this.#refused = refusedTools(policy, server);
    const onTools = (list: ToolList) => this.#refused.learn(list, onWarning);
    this.#context = { vault, policy, server, reuse, onTools, onWarning };
  }

  /** Filters a client's message. Returns a promise only if it has to wait. */
  fromClient(message: unknown, context: ClientContext): MaybePromise<Passage> {
    const read = readMessage(message);
    if (read === undefined) return this.#unreadFromClient(message);
    if (read.kind === "request") return this.#request(read.message, context);
    if (read.kind === "notification") return this.#clientNotification(read.message);
    const id = this.#asked.take(read.message.id);
    return id === undefined ? NOTHING : { forward: { ...read.message, id } };
  }

  /** Filters a server's message. Returns a promise only if it has to wait. */
  fromServer(message: unknown, context: ServerMessageContext = {}): MaybePromise<Passage> {
    const read = readMessage(message);
    if (read === undefined) return this.#unreadFromServer(message);
    if (read.kind === "result") return this.#result(read.message);
    if (read.kind === "error") return this.#error(read.message);
    if (read.kind === "request") return this.#serverRequest(read.message, context);
    return this.#serverNotification(read.message, context);
  }

  /** Returns the client's id of a request, by the id that was sent to the server. */
  clientIdOf(serverId: unknown): RequestId | undefined {
    return this.#requests.get(serverId)?.message.id;
  }

  /** Returns the ids of the pending requests, as sent to the server. */
  waiting(): readonly RequestId[] {
    return this.#requests.ids();
  }

  /**
   * Ends a request that the server will not answer, and returns the response for the client. The
   * response says that the tool may have run, because it is unknown whether the server received the
   * request.
   */
  unanswered(serverId: unknown): Passage {
    const request = this.#requests.take(serverId);
    return request === undefined ? NOTHING : { forward: ended(request, MAY_HAVE_RUN) };
  }

  /**
   * Handles a client's message that cannot be read. An unreadable request is refused; an unreadable
   * response is forwarded to the server as an error, so that the server's request does not wait.
   */
  #unreadFromClient(message: unknown): Passage {
    if (isResponseLike(message)) {
      const id = this.#asked.take(message["id"]);
      return id === undefined
        ? NOTHING
        : { forward: refusal(id, INTERNAL_ERROR, "The client's answer could not be read") };
    }
    return refusalOfUnread(message);
  }

  /**
   * Handles a server's message that cannot be read. An unreadable response ends its request: the
   * client learns that the tool ran, and the content is dropped.
   */
  #unreadFromServer(message: unknown): Passage {
    if (!isResponseLike(message)) return refusalOfUnread(message);
    const request = this.#requests.take(message["id"]);
    return request === undefined ? NOTHING : { forward: ended(request, OUTPUT_UNREADABLE) };
  }

  #request(message: RequestMessage, context: ClientContext): MaybePromise<Passage> {
    if (this.#requests.isFull) {
      return { reply: refusal(message.id, INVALID_REQUEST, NOT_EXECUTED_TOO_MANY) };
    }
    const subject = subjectOnce(context.subject);
    const revision = revisionNamedBy(message) ?? context.revision ?? this.#revision;
    if (message.method === "tools/call") return this.#call(message, { subject, revision });
    const { policy } = this.#context;
    if (policy.resourceLinks && handleReadBy(message) !== undefined) {
      return this.#readHandle(message, subject);
    }
    if (policy.unlisted === "refuse" && READS.has(message.method)) {
      return { reply: refusal(message.id, INVALID_PARAMS, NOT_EXECUTED_REFUSED) };
    }
    const request = this.#requests.add(message, { subject, revision });
    const isSealedCursor = policy.unlisted !== "pass" && message.method === "tools/list";
    const cursor = message.params?.["cursor"];
    if (isSealedCursor && typeof cursor === "string") return this.#nextPage(request, cursor);
    return { forward: toServer(request) };
  }

  async #readHandle(message: RequestMessage, ask: () => Promise<string>): Promise<Passage> {
    const subject = await ask().catch(() => undefined);
    if (subject === undefined) {
      return { reply: refusal(message.id, INVALID_REQUEST, NOT_EXECUTED_UNKNOWN_SUBJECT) };
    }
    return { reply: await readHandle(message, { ...this.#context, subject }) };
  }

  async #nextPage(request: OpenRequest, sealed: string): Promise<Passage> {
    try {
      const scope = { ...this.#context, subject: await request.subject() };
      const cursor = await openCursor(sealed, scope);
      const message = toServer(request);
      return { forward: { ...message, params: { ...message.params, cursor } } };
    } catch {
      this.#requests.take(request.id);
      return { reply: refusal(request.message.id, INVALID_PARAMS, "Invalid cursor") };
    }
  }

  #call(
    message: RequestMessage,
    asked: Pick<OpenRequest, "subject" | "revision">,
  ): MaybePromise<Passage> {
    const name = message.params?.["name"];
    const tool = typeof name === "string" ? name : "";
    const { policy, server } = this.#context;
    const rules = policy.rulesOf({ server, tool });
    if (rules.handling === "refuse" || this.#refused.has(tool)) {
      return { reply: toolResponse(message, toolError(NOT_EXECUTED_REFUSED)) };
    }
    const isUnfit =
      rules.handling === "rules" ? !isToolName(name) : policy.isNearMiss(server, name);
    if (isUnfit) {
      return { reply: refusal(message.id, INVALID_PARAMS, "Invalid name of a tool") };
    }
    const request = this.#requests.add(message, asked);
    request.call = { tool, rules, echoes: NO_ECHOES };
    return rules.handling === "pass"
      ? { forward: toServer(request) }
      : this.#prepare(request, tool);
  }

  async #prepare(request: OpenRequest, tool: string): Promise<Passage> {
    const prepared = await prepareCall(request, tool, this.#context);
    if (prepared.ok) {
      // If the client has cancelled the call during the preparation, the server does not receive
      // it.
      return this.#requests.has(request) ? { forward: prepared.message } : NOTHING;
    }
    const isOpen = this.#requests.take(request.id) !== undefined;
    return isOpen ? { reply: toolResponse(request.message, prepared.refusal) } : NOTHING;
  }

  #clientNotification(message: NotificationMessage): Passage {
    if (message.method !== "notifications/cancelled") return { forward: message };
    const { params } = message;
    const wasReady = this.#requests.cancel(params?.["requestId"]);
    if (wasReady === undefined) return NOTHING;
    return { forward: { ...message, params: { ...params, requestId: wasReady.id } } };
  }

  #result(message: ResultMessage): MaybePromise<Passage> {
    const request = this.#requests.take(message.id);
    return request === undefined ? NOTHING : this.#respond(request, message.result);
  }

  async #respond(request: OpenRequest, result: JsonObject): Promise<Passage> {
    const { id } = request.message;
    const kept = await rewriteResult(result, request, this.#context).catch((error: unknown) => {
      this.#context.onWarning?.(withheldText("An answer of the server", error));
      return undefined;
    });
    if (kept === undefined) return { forward: refusal(id, INTERNAL_ERROR, "Result withheld") };
    if (request.message.method === "initialize") this.#revision = kept["protocolVersion"];
    return { forward: resultResponse(id, kept) };
  }

  #error({ id, error }: ErrorMessage): Passage {
    const request = this.#requests.take(id);
    if (request === undefined) return NOTHING;
    const { resourceLinks } = this.#context.policy;
    const list = resourceLinks && isMethodNotFound(error) ? emptyList(request.message) : undefined;
    if (list !== undefined) return { forward: resultResponse(request.message.id, list) };
    const isInSight = this.#isInSight(request);
    const shown = isInSight ? error : fixedError(error, revisionAskedFor(request.message));
    return { forward: { jsonrpc: "2.0", id: request.message.id, error: shown } };
  }

  #serverRequest(message: RequestMessage, context: ServerMessageContext): Passage {
    if (this.#isInSight(this.#requests.get(context.relatedRequestId))) {
      return { forward: this.#asked.toClient(message) };
    }
    const { id, method } = message;
    if (method === "ping" || method === "roots/list") {
      return { forward: this.#asked.toClient({ jsonrpc: "2.0", id, method }) };
    }
    return { reply: refusal(id, INVALID_REQUEST, "The policy does not let the client be asked") };
  }

  #serverNotification(message: NotificationMessage, context: ServerMessageContext): Passage {
    if (message.method === "notifications/cancelled") return this.#serverCancels(message);
    const named = this.#requests.get(requestNamedBy(message));
    const request = named ?? this.#requests.get(context.relatedRequestId);
    if (!this.#isInSight(request)) return { forward: fixedNotice(message, request) };
    return { forward: named === undefined ? message : withClientToken(message, named) };
  }

  #serverCancels({ params }: NotificationMessage): Passage {
    const requestId = this.#asked.clientIdOf(params?.["requestId"]);
    if (requestId === undefined) return NOTHING;
    return {
      forward: { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } },
    };
  }

  /**
   * Returns whether messages for a request may be forwarded unchanged. A message without a request
   * may be forwarded if no tool of the server seals or opens anything.
   */
  #isInSight(request: OpenRequest | undefined): boolean {
    const { policy, server } = this.#context;
    if (request?.call === undefined) {
      if (request === undefined) return !policy.touches(server);
      return isUnruled(request.message.method, this.#context);
    }
    const { rules, echoes } = request.call;
    return (
      rules.handling === "pass" || (!isSealing(rules) && rules.errors === "pass" && echoes.isEmpty)
    );
  }
}

/**
 * Returns the response that ends a request: a tool result for a tool call, because a model reads
 * it, or an error for any other method.
 */
function ended({ message }: OpenRequest, text: string): Message {
  if (message.method === "tools/call") return toolResponse(message, toolError(text));
  return refusal(message.id, INTERNAL_ERROR, "The server gave no answer that can be read");
}

/** Refuses an unreadable message if it looks like a request with an id. */
function refusalOfUnread(message: unknown): Passage {
  if (!isObject(message) || !Object.hasOwn(message, "method")) return NOTHING;
  const { id } = message;
  return isRequestId(id) ? { reply: refusal(id, INVALID_REQUEST, "Invalid request") } : NOTHING;
}

/** Everything that passes between an MCP client and a server, with what may be known of it. */
import type { MaybePromise } from "../vault/contracts.js";
import type { Vault } from "../vault/vault.js";
import { isUnruled, rewriteAnswer, type ServerContext } from "./answers.js";
import { AskedRequests } from "./asked-requests.js";
import { openCursor } from "./cursors.js";
import { Echoes } from "./echoes.js";
import {
  MAY_HAVE_RUN,
  NOT_EXECUTED_REFUSED,
  NOT_EXECUTED_TOO_MANY,
  NOT_EXECUTED_UNKNOWN_SUBJECT,
  OUTPUT_UNREADABLE,
} from "./fixed-texts.js";
import { emptyList, handleReadBy, readHandle } from "./handle-links.js";
import type { HandleReuse } from "./handle-reuse.js";
import {
  answer,
  type ErrorMessage,
  isAnswerLike,
  isObject,
  isRequestId,
  type JsonObject,
  type Message,
  type NotificationMessage,
  type RequestId,
  type RequestMessage,
  type ResultMessage,
  readMessage,
  refusal,
} from "./messages.js";
import { fixedNotice, requestNamedBy } from "./notices.js";
import {
  type OpenRequest,
  OpenRequests,
  revisionAskedFor,
  revisionNamedBy,
  toServer,
  withClientToken,
} from "./open-requests.js";
import type { AgentPolicy } from "./policy.js";
import { isSealing } from "./policy-rules.js";
import { checkServerName, isToolName, subjectOnce } from "./principals.js";
import { type RefusedTools, refusedTools } from "./refused-tools.js";
import {
  fixedError,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  isMethodNotFound,
} from "./rpc-errors.js";
import { prepareCall, toolAnswer } from "./tool-calls.js";
import type { ToolList } from "./tool-list.js";
import { toolError } from "./tool-result.js";
import { withheldText } from "./withheld.js";

/** What a filter goes by. */
export interface MessageFilterOptions {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The server's name in the policy. */
  readonly server: string;
  readonly reuse?: HandleReuse | undefined;
  /** Hears what the policy's author should know; texts of our own and names of the policy's. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** What becomes of a message: it goes on, it is answered at once, or neither. */
export interface Passage {
  readonly forward?: Message | undefined;
  /** For the side that the message came from. */
  readonly reply?: Message | undefined;
}

/** What becomes of a batch. */
export interface BatchPassage {
  readonly forward: readonly Message[];
  readonly reply: readonly Message[];
}

/** Filters a batch, as revisions before 2025-06-18 have them, message by message. */
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

/** What is known of a client's message besides its text. */
export interface ClientContext {
  /** Tells for whom the client asks; it is called when that matters, and may fail. */
  readonly subject: () => MaybePromise<string>;
  /** The protocol revision that the transport knows of, such as an HTTP header's. */
  readonly revision?: unknown;
}

/** What is known of a server's message besides its text. */
export interface ServerMessageContext {
  /** The request that the message belongs to, by the id that the server knows. */
  readonly relatedRequestId?: unknown;
}

const NOTHING: Passage = {};
const NO_ECHOES = new Echoes([]);
/** Without a rule for resources and prompts these are as little allowed as unlisted tools. */
const READS: ReadonlySet<string> = new Set([
  "resources/read",
  "resources/subscribe",
  "prompts/get",
  "completion/complete",
]);

/**
 * Filters one connection, message by message, in both directions.
 *
 * Arguments of tools are hydrated before the server sees them; whatever the server sends is sealed,
 * or replaced by fixed texts, unless it is known to carry nothing. What fails is withheld.
 *
 * @example
 * ```ts
 * const filter = new MessageFilter({ vault, policy, server: "patients" });
 * const { forward, reply } = await filter.fromClient(message, { subject: () => "alice" });
 * ```
 */
export class MessageFilter {
  readonly #context: ServerContext;
  readonly #requests = new OpenRequests();
  readonly #asked = new AskedRequests();
  readonly #refused: RefusedTools;
  /** The revision that client and server agreed on, where that is done once for all requests. */
  #revision: unknown;

  constructor(options: MessageFilterOptions) {
    const { vault, policy, server, reuse, onWarning } = options;
    checkServerName(server, "server");
    this.#refused = refusedTools(policy, server);
    const onTools = (list: ToolList) => this.#refused.learn(list, onWarning);
    this.#context = { vault, policy, server, reuse, onTools, onWarning };
  }

  /** Returns what becomes of a client's message; at once, where nothing has to be waited for. */
  fromClient(message: unknown, context: ClientContext): MaybePromise<Passage> {
    const read = readMessage(message);
    if (read === undefined) return this.#unreadFromClient(message);
    if (read.kind === "request") return this.#request(read.message, context);
    if (read.kind === "notification") return this.#clientNotification(read.message);
    const id = this.#asked.take(read.message.id);
    return id === undefined ? NOTHING : { forward: { ...read.message, id } };
  }

  /** Returns what becomes of a server's message; at once, where nothing has to be waited for. */
  fromServer(message: unknown, context: ServerMessageContext = {}): MaybePromise<Passage> {
    const read = readMessage(message);
    if (read === undefined) return this.#unreadFromServer(message);
    if (read.kind === "result") return this.#result(read.message);
    if (read.kind === "error") return this.#error(read.message);
    if (read.kind === "request") return this.#serverRequest(read.message, context);
    return this.#serverNotification(read.message, context);
  }

  /** Returns the client's id of a request that the server knows by another. */
  clientIdOf(serverId: unknown): RequestId | undefined {
    return this.#requests.get(serverId)?.message.id;
  }

  /** Returns the requests that wait for an answer, by the ids that the server knows. */
  waiting(): readonly RequestId[] {
    return this.#requests.ids();
  }

  /**
   * Returns what a client is told of a request that the server will not answer; what it sent or did not
   * send is not known, so that a tool may have run.
   */
  unanswered(serverId: unknown): Passage {
    const request = this.#requests.take(serverId);
    return request === undefined ? NOTHING : { forward: ended(request, MAY_HAVE_RUN) };
  }

  /** Whoever asks is answered, and whoever is asked has its answer, be it none. */
  #unreadFromClient(message: unknown): Passage {
    if (isAnswerLike(message)) {
      const id = this.#asked.take(message["id"]);
      return id === undefined
        ? NOTHING
        : { forward: refusal(id, INTERNAL_ERROR, "The client's answer could not be read") };
    }
    return refusalOfUnread(message);
  }

  /** An answer that cannot be read ends its request: the tool ran, and what it said is dropped. */
  #unreadFromServer(message: unknown): Passage {
    if (!isAnswerLike(message)) return refusalOfUnread(message);
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
      return { reply: toolAnswer(message, toolError(NOT_EXECUTED_REFUSED)) };
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
      // Cancelled meanwhile: the server never hears of it.
      return this.#requests.has(request) ? { forward: prepared.message } : NOTHING;
    }
    const isOpen = this.#requests.take(request.id) !== undefined;
    return isOpen ? { reply: toolAnswer(request.message, prepared.refusal) } : NOTHING;
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
    return request === undefined ? NOTHING : this.#answer(request, message.result);
  }

  async #answer(request: OpenRequest, result: JsonObject): Promise<Passage> {
    const { id } = request.message;
    const kept = await rewriteAnswer(result, request, this.#context).catch((error: unknown) => {
      this.#context.onWarning?.(withheldText("An answer of the server", error));
      return undefined;
    });
    if (kept === undefined) return { forward: refusal(id, INTERNAL_ERROR, "Result withheld") };
    if (request.message.method === "initialize") this.#revision = kept["protocolVersion"];
    return { forward: answer(id, kept) };
  }

  #error({ id, error }: ErrorMessage): Passage {
    const request = this.#requests.take(id);
    if (request === undefined) return NOTHING;
    const { resourceLinks } = this.#context.policy;
    const list = resourceLinks && isMethodNotFound(error) ? emptyList(request.message) : undefined;
    if (list !== undefined) return { forward: answer(request.message.id, list) };
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
   * Whether what belongs to a request may be seen as it is. What belongs to none may be where the
   * server has no tool whose data it could be.
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

/** Ends a request: a call with a result that a model reads, any other with an error. */
function ended({ message }: OpenRequest, text: string): Message {
  if (message.method === "tools/call") return toolAnswer(message, toolError(text));
  return refusal(message.id, INTERNAL_ERROR, "The server gave no answer that can be read");
}

/** Answers what asks for something, in whatever form. */
function refusalOfUnread(message: unknown): Passage {
  if (!isObject(message) || !Object.hasOwn(message, "method")) return NOTHING;
  const { id } = message;
  return isRequestId(id) ? { reply: refusal(id, INVALID_REQUEST, "Invalid request") } : NOTHING;
}

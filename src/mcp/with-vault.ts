/** Puts the filter between a server of the MCP SDK, version 1 or 2, and its transports. */
import { checkMethods, checkOptions } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";
import type { Vault } from "../vault/vault.js";
import type { HandleReuse } from "./handle-reuse.js";
import { MessageFilter, type Passage } from "./message-filter.js";
import type { RequestId } from "./messages.js";
import { AgentPolicy } from "./policy.js";
import { checkServerName } from "./principals.js";

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

/** How a server is wrapped. */
export interface WithVaultOptions {
  /** Seals and opens; it stays yours to close. */
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The server's name in the policy. */
  readonly server: string;
  /**
   * Tells for whom the agent works: the subject of a validated token or, over stdio, a constant that
   * the launcher fixed. Calls fail where it throws or gives no text.
   */
  readonly subjectOf: (context: SubjectContext) => MaybePromise<string>;
  /** Gives equal values of a subject the same handle. Default: every value gets a new one. */
  readonly reuse?: HandleReuse | undefined;
  /** Hears what the policy's author should know. Default: `process.emitWarning`. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** The part of an SDK transport that is wrapped. */
interface McpTransport {
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
}

/** The part of an SDK server that is wrapped: an `McpServer`, or the `Server` in it. */
export interface McpServerLike {
  connect(transport: never): Promise<void>;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "vault",
  "policy",
  "server",
  "subjectOf",
  "reuse",
  "onWarning",
]);

const VAULT_METHODS = [
  "seal",
  "sealMany",
  "unseal",
  "unsealMany",
  "describe",
  "invalidate",
] as const;

const wrapped = new WeakSet<object>();
const warned = new WeakSet<AgentPolicy>();

/**
 * Wraps an MCP server: whatever it sends is sealed as the policy says before it is written, and handles
 * in arguments are opened before the server checks them.
 *
 * @param server - An `McpServer` or `Server` of SDK 1 or 2 that is not connected yet.
 * @returns The same server.
 * @throws TypeError An option is unknown or of the wrong type, or the server is wrapped or connected.
 *
 * @example
 * ```ts
 * withVault(server, { vault, policy, server: "patients", subjectOf: () => process.env.AGENT_SUBJECT });
 * await server.connect(new StdioServerTransport());
 * ```
 */
export function withVault<Server extends McpServerLike>(
  server: Server,
  options: WithVaultOptions,
): Server {
  checkWithVaultOptions(options);
  const { policy, onWarning = (text: string) => process.emitWarning(text) } = options;
  const target = innerServer(server);
  if (wrapped.has(target)) throw new TypeError("the server is wrapped already");
  wrapped.add(target);
  if (!warned.has(policy)) policy.warnings.forEach(onWarning);
  warned.add(policy);
  const connect = target.connect.bind(target) as (transport: McpTransport) => Promise<void>;
  target.connect = async (transport: McpTransport) => {
    filterTransport(transport, { ...options, onWarning });
    await connect(transport);
  };
  return server;
}

function checkWithVaultOptions(options: WithVaultOptions): void {
  checkOptions(options, "withVault options", OPTIONS);
  checkMethods(options.vault, "vault", VAULT_METHODS);
  if (!(options.policy instanceof AgentPolicy))
    throw new TypeError("policy must be an AgentPolicy");
  checkServerName(options.server, "server");
  if (typeof options.subjectOf !== "function") throw new TypeError("subjectOf must be a function");
}

/** Entries of SDK 2 connect the server within an `McpServer`, without its knowing. */
function innerServer(server: McpServerLike): McpServerLike {
  const { server: inner } = server as { readonly server?: McpServerLike };
  const target = typeof inner?.connect === "function" ? inner : server;
  checkMethods(target, "server", ["connect"]);
  const { transport } = target as { readonly transport?: unknown };
  if (transport !== undefined) throw new TypeError("the server is connected already");
  return target;
}

interface SendOptions {
  readonly relatedRequestId?: RequestId | undefined;
}
type Receive = (message: unknown, extra?: SubjectContext) => void;
type Send = (message: unknown, options?: SendOptions) => Promise<void>;

/** A transport as it is patched: with methods that take any message. */
interface OpenTransport {
  onmessage?: Receive | undefined;
  onerror?: ((error: Error) => void) | undefined;
  start: () => Promise<void>;
  send: Send;
}

/** The transport itself is changed, not wrapped: the SDK knows some of them by identity. */
function filterTransport(given: McpTransport, options: WithVaultOptions): void {
  const transport = given as unknown as OpenTransport;
  if (wrapped.has(transport)) throw new TypeError("the transport has been connected before");
  wrapped.add(transport);
  const filter = new MessageFilter({
    vault: options.vault,
    policy: options.policy,
    server: options.server,
    reuse: options.reuse,
    onWarning: options.onWarning,
  });
  const start = transport.start.bind(transport);
  const send = transport.send.bind(transport);
  let receive: Receive = () => undefined;

  transport.start = () => {
    // What the SDK has set by now is what gets the filtered messages.
    receive = transport.onmessage?.bind(transport) ?? receive;
    transport.onmessage = (message, extra) => {
      const { authInfo } = extra ?? {};
      const subject = () => options.subjectOf(authInfo === undefined ? {} : { authInfo });
      whenKnown(filter.fromClient(message, { subject }), ({ forward, reply }) => {
        if (forward !== undefined) receive(forward, extra);
        return reply === undefined ? undefined : send(reply, relatedTo(reply));
      });
    };
    return start();
  };

  transport.send = async (message, sendOptions = {}) => {
    const { relatedRequestId: serverId } = sendOptions;
    const clientId = filter.clientIdOf(serverId);
    const passing = filter.fromServer(message, { relatedRequestId: serverId });
    const { forward, reply } = isPromise(passing) ? await passing : passing;
    if (reply !== undefined) receive(reply);
    if (forward === undefined || (serverId !== undefined && clientId === undefined)) return;
    await send(
      forward,
      serverId === undefined ? sendOptions : { ...sendOptions, relatedRequestId: clientId },
    );
  };

  function whenKnown(passage: MaybePromise<Passage>, pass: (passage: Passage) => unknown): void {
    const passing = isPromise(passage) ? passage.then(pass) : pass(passage);
    if (isPromise(passing)) {
      passing.catch(() => transport.onerror?.(new Error("A message could not be passed on")));
    }
  }
}

function relatedTo(reply: Passage["reply"]): SendOptions {
  const id = reply !== undefined && "id" in reply ? reply.id : undefined;
  return id === undefined || id === null ? {} : { relatedRequestId: id };
}

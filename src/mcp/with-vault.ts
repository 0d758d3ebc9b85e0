/** Puts the filter between a server of the MCP SDK, version 1 or 2, and its transports. */
import { checkMethods, checkOptions } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import type { Vault } from "../vault/vault.js";
import {
  filterTransport,
  type McpTransport,
  type SubjectContext,
  type TransportFilter,
} from "./filtered-transport.js";
import type { HandleReuse } from "./handle-reuse.js";
import { MessageFilter } from "./message-filter.js";
import { type AgentPolicy, isAgentPolicy } from "./policy.js";
import { checkServerName } from "./principals.js";
import { refusedTools } from "./refused-tools.js";
import { surveyTools } from "./tool-survey.js";

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

/** Marks servers and transports that are wrapped, by whichever copy of the library. */
const WRAPPED = Symbol.for("handlevault.mcp.wrapped");
const warned = new WeakSet<AgentPolicy>();

/**
 * Wraps an MCP server: whatever it sends is sealed as the policy says before it is written, and handles
 * in arguments are opened before the server checks them. `connect` asks it for its tools first, and
 * rejects with a `RangeError` where one of them cannot open handles at a place where the policy does.
 *
 * @param server - An `McpServer` or `Server` of SDK 1 or 2 that is not connected yet.
 * @returns The same server.
 * @throws TypeError An option is unknown or of the wrong type, or the server is wrapped or connected.
 *
 * @example
 * ```ts
 * withVault(server, { vault, policy, server: "patients", subjectOf: () => process.env["AGENT_SUBJECT"] ?? "" });
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
  markWrapped(target, "the server is wrapped already");
  if (!warned.has(policy)) policy.warnings.forEach(onWarning);
  warned.add(policy);
  const connect = target.connect.bind(target) as (transport: McpTransport) => Promise<void>;
  target.connect = async (transport: McpTransport) => {
    await connect(filtered(transport, { ...options, onWarning }));
  };
  return server;
}

function checkWithVaultOptions(options: WithVaultOptions): void {
  checkOptions(options, "withVault options", OPTIONS);
  checkMethods(options.vault, "vault", VAULT_METHODS);
  if (!isAgentPolicy(options.policy)) throw new TypeError("policy must be an AgentPolicy");
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

/** Throws a TypeError if an object is wrapped: what is sealed twice could not be opened. */
function markWrapped(target: object, problem: string): void {
  if (WRAPPED in target) throw new TypeError(problem);
  Object.defineProperty(target, WRAPPED, { value: true });
}

function filtered(transport: McpTransport, options: WithVaultOptions): McpTransport {
  markWrapped(transport, "the transport has been connected before");
  const { subjectOf, ...others } = options;
  const filter = new MessageFilter(others);
  filterTransport(transport, { filter, subjectOf, checkTools: toolCheck(options) });
  return transport;
}

/** Servers over HTTP come and go with every request: their tools are looked at once. */
function toolCheck(options: WithVaultOptions): TransportFilter["checkTools"] {
  const { policy, server, onWarning } = options;
  const known = refusedTools(policy, server);
  if (known.isSurveyed || !policy.needsSurvey(server)) return undefined;
  return async (ask) => {
    const { isComplete, problems, warnings } = await surveyTools({ policy, server, ask });
    for (const warning of warnings) onWarning?.(`Look at the policy: ${warning}.`);
    // Entries of SDK 2 connect servers themselves, and keep quiet about those that they cannot.
    for (const problem of problems) onWarning?.(`The server does not start: ${problem}.`);
    if (problems.length > 0) throw new RangeError(problems.join("; "));
    known.isSurveyed = isComplete;
  };
}

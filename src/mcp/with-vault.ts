/** Inserts the filter between a server of the MCP SDK, version 1 or 2, and its transports. */
import { checkMethods } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import {
  callable,
  type OptionsTable,
  optional,
  readOptions,
  required,
  type WithDefaults,
  withMethods,
} from "../vault/options.js";
import type { Vault } from "../vault/vault.js";
import { MessageFilter } from "./filter/message-filter.js";
import { refusedTools } from "./filter/refused-tools.js";
import { surveyTools } from "./filter/tool-survey.js";
import {
  filterTransport,
  type McpTransport,
  type SubjectContext,
  type TransportFilter,
} from "./filtered-transport.js";
import { type AgentPolicy, checkPolicy } from "./policy/policy.js";
import { checkServerName } from "./policy/principals.js";
import type { HandleReuse } from "./values/handle-reuse.js";

/** The options of {@link withVault}. */
export interface WithVaultOptions {
  /** The vault that seals and opens. The caller closes it. */
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The name under which the policy lists the server. */
  readonly server: string;
  /**
   * Returns the subject that the agent works for: the subject of a validated token or, over stdio,
   * a constant from the launcher. Calls fail if it throws or returns no text.
   */
  readonly subjectOf: (context: SubjectContext) => MaybePromise<string>;
  /** Gives equal values of one subject the same handle. Default: each value gets a new handle. */
  readonly reuse?: HandleReuse | undefined;
  /** Receives warnings for the policy's author. Default: `process.emitWarning`. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** The part of an SDK server that is wrapped: an `McpServer`, or the `Server` in it. */
export interface McpServerLike {
  connect(transport: never): Promise<void>;
}

const VAULT_METHODS = [
  "seal",
  "sealMany",
  "unseal",
  "unsealMany",
  "describe",
  "invalidate",
] as const;

const OPTIONS: OptionsTable<WithDefaults<WithVaultOptions, "onWarning">> = {
  vault: required(withMethods<Vault>(...VAULT_METHODS)),
  policy: required(checkPolicy),
  server: required(checkServerName),
  subjectOf: required(callable()),
  reuse: (value) => value as HandleReuse | undefined,
  onWarning: optional(callable(), (text) => process.emitWarning(text)),
};

/** Marks servers and transports that any copy of the library has wrapped. */
const WRAPPED = Symbol.for("handlevault.mcp.wrapped");
const warned = new WeakSet<AgentPolicy>();

/**
 * Wraps an MCP server. Its messages are sealed according to the policy before they are sent, and
 * handles in arguments are opened before the server validates them. `connect` first asks the server
 * for its tools. It rejects with a `RangeError` if a tool cannot open handles at a place of the
 * policy, or if the server lacks a name and the policy sets `unknownNames: "refuse"`.
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
  const settings = readOptions(options, OPTIONS, { name: "withVault options", prefix: "" });
  const { policy, onWarning } = settings;
  const target = innerServer(server);
  markWrapped(target, "the server is wrapped already");
  if (!warned.has(policy)) for (const warning of policy.warnings) onWarning(warning);
  warned.add(policy);
  const connect = target.connect.bind(target) as (transport: McpTransport) => Promise<void>;
  target.connect = async (transport: McpTransport) => {
    await connect(filtered(transport, settings));
  };
  return server;
}

/**
 * Returns the server to wrap. Entries of SDK 2 connect the `Server` inside an `McpServer` directly,
 * so that one is wrapped.
 */
function innerServer(server: McpServerLike): McpServerLike {
  const { server: inner } = server as { readonly server?: McpServerLike };
  const target = typeof inner?.connect === "function" ? inner : server;
  checkMethods(target, "server", ["connect"]);
  const { transport } = target as { readonly transport?: unknown };
  if (transport !== undefined) throw new TypeError("the server is connected already");
  return target;
}

/**
 * Marks an object as wrapped. Throws a TypeError if it is wrapped already, because a value that is
 * sealed twice could not be opened.
 */
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

/**
 * Returns the check of the server's tools, or `undefined` if it is not needed. A server over HTTP
 * may be created for each request, so its tools are checked only once.
 */
function toolCheck(options: WithVaultOptions): TransportFilter["checkTools"] {
  const { policy, server, onWarning } = options;
  const known = refusedTools(policy, server);
  if (known.isSurveyed || !policy.needsSurvey(server)) return undefined;
  return async (ask) => {
    const { isComplete, problems, warnings } = await surveyTools({ policy, server, ask });
    for (const warning of warnings) onWarning?.(`Look at the policy: ${warning}.`);
    // Entries of SDK 2 connect servers themselves and do not report a failed connection.
    for (const problem of problems) onWarning?.(`The server does not start: ${problem}.`);
    if (problems.length > 0) throw new RangeError(problems.join("; "));
    known.isSurveyed = isComplete;
  };
}

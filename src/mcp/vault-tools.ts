/**
 * Tools of an MCP server with which callers request data about handles and, if allowed, open them.
 */
import { Buffer } from "node:buffer";
import { loadPeer } from "../load-peer.js";
import { isBytes } from "../primitives/bytes.js";
import { checkBoolean, checkMethods, checkOptions } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import type { Vault } from "../vault/vault.js";
import type { ClientAuthentication } from "./filtered-transport.js";
import { checkKnown } from "./policy/principals.js";
import {
  HANDLE_REFUSED,
  NOT_EXECUTED_UNKNOWN_CALLER,
  VAULT_UNAVAILABLE,
} from "./protocol/fixed-texts.js";
import type { JsonObject } from "./protocol/messages.js";
import { isHandleRefusal } from "./values/handle-refusals.js";
import { type ToolResult, toolError } from "./values/tool-result.js";

/** The options of {@link vaultTools}. */
export interface VaultToolsOptions {
  /**
   * The principal of a caller. A function receives the identity that the transport authenticated,
   * must decide by that only, and is not called without it. A text is a principal fixed by the
   * launcher. It applies to stdio only, because over HTTP all callers would share it. A custom
   * transport that other machines can reach must forward `authInfo` or `requestInfo`, as the SDK's
   * transports do.
   */
  readonly principalOf: string | ((authInfo: ClientAuthentication) => MaybePromise<string>);
  /**
   * Whether to add `resolve_handle`, which returns payloads. Use it only for servers that no model
   * calls. Default `false`.
   */
  readonly resolve?: boolean | undefined;
}

/** The part of an `McpServer` that registers tools. */
export interface ToolRegistry {
  registerTool(name: never, config: never, handler: never): unknown;
}

const OPTIONS: ReadonlySet<string> = new Set(["principalOf", "resolve"]);
const VAULT_METHODS = ["getSafeView", "describe", "unseal"] as const;

/**
 * Returns a function that adds the tools `get_safe_view` and `describe_handle` to an `McpServer` of
 * SDK 1 or 2 and, with `resolve: true`, `resolve_handle`.
 *
 * The caller is the principal that the transport authenticated, never an argument, so an agent
 * cannot claim a gateway's name. If `withVault` wraps the server, its policy has to list these
 * tools with `seal: "none"`.
 *
 * @throws TypeError An option is unknown or of the wrong type.
 * @throws PeerMissingError The optional package zod is not installed.
 *
 * @example
 * ```ts
 * const principalOf = ({ extra }: ClientAuthentication) => {
 *   if (typeof extra?.["principal"] !== "string") throw new Error("the token names no principal");
 *   return extra["principal"];
 * };
 * const addVaultTools = await vaultTools(vault, { principalOf });
 * addVaultTools(server);
 * ```
 */
export async function vaultTools(
  vault: Vault,
  options: VaultToolsOptions,
): Promise<(server: ToolRegistry) => void> {
  checkVaultToolsOptions(vault, options);
  const { principalOf, resolve } = options;
  const { z } = await loadPeer("zod", () => import("zod"));
  const inputSchema = z.object({ handle_id: z.string().max(MAX_ID_CHARACTERS) });
  const tools = resolve === true ? [...TOOLS, RESOLVE_HANDLE] : TOOLS;
  return (server) => {
    const { registerTool } = server as unknown as OpenRegistry;
    for (const { name, run, ...config } of tools) {
      registerTool.call(server, name, { ...config, inputSchema }, ({ handle_id: id }, extra) =>
        runOrRefuse(() => run({ vault, id, caller: () => callerOf(extra, principalOf) })),
      );
    }
  };
}

function checkVaultToolsOptions(vault: Vault, options: VaultToolsOptions): void {
  checkMethods(vault, "vault", VAULT_METHODS);
  checkOptions(options, "vaultTools options", OPTIONS);
  const { principalOf, resolve = false } = options;
  checkBoolean(resolve, "resolve");
  if (typeof principalOf === "function") return;
  checkKnown(principalOf, "principalOf");
}

/**
 * The maximum length of a handle, in characters. Longer texts are rejected before they reach the
 * vault.
 */
const MAX_ID_CHARACTERS = 64;

/**
 * The registry's method. Both SDKs accept a zod schema and pass data about the request to the
 * handler.
 */
interface OpenRegistry {
  registerTool(
    name: string,
    config: object,
    handler: (args: { readonly handle_id: string }, extra: RequestExtra) => Promise<ToolResult>,
  ): unknown;
}

/** The SDK's data about a request: direct members in version 1, members of `http` in version 2. */
interface RequestExtra {
  readonly authInfo?: ClientAuthentication | undefined;
  readonly requestInfo?: unknown;
  readonly http?: { readonly authInfo?: ClientAuthentication | undefined } | undefined;
}

/** A request about a handle. */
interface Question {
  readonly vault: Vault;
  readonly id: string;
  /** Returns the caller's principal. Rejects if it is unknown. */
  readonly caller: () => Promise<string>;
}

interface VaultTool {
  readonly name: string;
  readonly description: string;
  readonly annotations: JsonObject;
  readonly run: (question: Question) => Promise<JsonObject>;
}

const READ_ONLY = { readOnlyHint: true, openWorldHint: false };

const TOOLS: readonly VaultTool[] = [
  {
    name: "get_safe_view",
    description: "Returns what may be known of the value that a handle stands for.",
    annotations: READ_ONLY,
    run: async ({ vault, id }) => ({ handle_id: id, safe_view: await vault.getSafeView(id) }),
  },
  {
    name: "describe_handle",
    description: "Returns owner, grants, times and uses left of a handle that the caller may open.",
    annotations: READ_ONLY,
    run: async ({ vault, id, caller }) => {
      const description = await vault.describe(id, await caller());
      return { ...description.toJSON() };
    },
  },
];

const RESOLVE_HANDLE: VaultTool = {
  name: "resolve_handle",
  description: "Returns the value that a handle stands for, to callers whom it was granted to.",
  // Opening may spend a use.
  annotations: { readOnlyHint: false, destructiveHint: false, openWorldHint: false },
  run: async ({ vault, id, caller }) => {
    const principal = await caller();
    const data = await vault.unseal(id, principal);
    return { handle_id: id, ...asJson(data), resolved_by: principal };
  },
};

/** Returns the payload as JSON. Bytes are encoded in base64, as in the vault's own protocols. */
function asJson(data: unknown): JsonObject {
  if (!isBytes(data)) return { data };
  return { data: Buffer.from(data).toString("base64"), data_encoding: "base64" };
}

/** Thrown if the caller is unknown. */
class CallerUnknown extends Error {}

async function callerOf(
  { authInfo: direct, requestInfo, http }: RequestExtra,
  principalOf: VaultToolsOptions["principalOf"],
): Promise<string> {
  const authInfo = direct ?? http?.authInfo;
  const isRemote = authInfo !== undefined || requestInfo !== undefined || http !== undefined;
  try {
    if (typeof principalOf === "string" && !isRemote) return principalOf;
    if (typeof principalOf === "string" || authInfo === undefined) throw new CallerUnknown();
    const principal = await principalOf(authInfo);
    checkKnown(principal, "principal");
    return principal;
  } catch {
    throw new CallerUnknown();
  }
}

async function runOrRefuse(run: () => Promise<JsonObject>): Promise<ToolResult> {
  try {
    const value = await run();
    const content = [{ type: "text", text: JSON.stringify(value) }];
    return { content, structuredContent: value };
  } catch (error) {
    return toolError(refusalOf(error));
  }
}

/**
 * Returns the same text for every handle that cannot be opened, because the reason would reveal
 * whether a handle exists.
 */
function refusalOf(error: unknown): string {
  if (error instanceof CallerUnknown) return NOT_EXECUTED_UNKNOWN_CALLER;
  return isHandleRefusal(error) ? HANDLE_REFUSED : VAULT_UNAVAILABLE;
}

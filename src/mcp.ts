/**
 * Agents over the Model Context Protocol. Tool outputs become handles before a model sees them. Handles in
 * arguments become values inside the tool that has a grant for them.
 *
 * @module
 */
export { type Echoes, EchoLimitError } from "./mcp/echoes.js";
export type { ClientAuthentication, SubjectContext } from "./mcp/filtered-transport.js";
export type { HandleForm } from "./mcp/handle-form.js";
export { HandleReuse, type HandleReuseOptions } from "./mcp/handle-reuse.js";
export { type Hydration, hydrateArguments } from "./mcp/hydrate-arguments.js";
export { markedPlaces } from "./mcp/marked-places.js";
export {
  type BatchPassage,
  type ClientContext,
  filterBatch,
  MessageFilter,
  type MessageFilterOptions,
  type Passage,
  type ServerMessageContext,
} from "./mcp/message-filter.js";
export type {
  ErrorMessage,
  JsonObject,
  Message,
  NotificationMessage,
  RequestId,
  RequestMessage,
  ResultMessage,
  RpcError,
} from "./mcp/messages.js";
export { AgentPolicy } from "./mcp/policy.js";
export type {
  ArgumentFormat,
  Detector,
  DetectRule,
  ErrorHandling,
  HydrateRule,
  LeftoverHandling,
  PolicyDefaults,
  PolicyOptions,
  SealRule,
  ServerPolicy,
  TextHandling,
  ToolPolicy,
  UnknownNamesHandling,
  UnlistedHandling,
} from "./mcp/policy-options.js";
export { serverPrincipal, type ToolName, toolPrincipal } from "./mcp/principals.js";
export type { SafeViewFunction, SafeViewRule } from "./mcp/safe-views.js";
export { type SealScope, sealToolOutput } from "./mcp/seal-tool-output.js";
export type { ToolResult } from "./mcp/tool-result.js";
export type { ToolScope } from "./mcp/tool-scope.js";
export { probeVault } from "./mcp/vault-probe.js";
export { type ToolRegistry, type VaultToolsOptions, vaultTools } from "./mcp/vault-tools.js";
export { type McpServerLike, type WithVaultOptions, withVault } from "./mcp/with-vault.js";

/**
 * Agents over the Model Context Protocol. Tool outputs become handles before a model sees them. Handles in
 * arguments become values inside the tool that has a grant for them.
 *
 * @module
 */

export {
  type BatchPassage,
  type ClientContext,
  filterBatch,
  MessageFilter,
  type MessageFilterOptions,
  type Passage,
  type ServerMessageContext,
} from "./mcp/filter/message-filter.js";
export type { ClientAuthentication, SubjectContext } from "./mcp/filtered-transport.js";
export { markedPlaces } from "./mcp/policy/marked-places.js";
export { AgentPolicy } from "./mcp/policy/policy.js";
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
} from "./mcp/policy/policy-options.js";
export { serverPrincipal, type ToolName, toolPrincipal } from "./mcp/policy/principals.js";
export type { SafeViewFunction, SafeViewRule } from "./mcp/policy/safe-views.js";
export type {
  ErrorMessage,
  JsonObject,
  Message,
  NotificationMessage,
  RequestId,
  RequestMessage,
  ResultMessage,
  RpcError,
} from "./mcp/protocol/messages.js";
export { type Echoes, EchoLimitError } from "./mcp/values/echoes.js";
export type { HandleForm } from "./mcp/values/handle-form.js";
export { HandleReuse, type HandleReuseOptions } from "./mcp/values/handle-reuse.js";
export { type Hydration, hydrateArguments } from "./mcp/values/hydrate-arguments.js";
export { type SealScope, sealToolOutput } from "./mcp/values/seal-tool-output.js";
export type { ToolResult } from "./mcp/values/tool-result.js";
export type { ToolScope } from "./mcp/values/tool-scope.js";
export { probeVault } from "./mcp/values/vault-probe.js";
export { type ToolRegistry, type VaultToolsOptions, vaultTools } from "./mcp/vault-tools.js";
export { type McpServerLike, type WithVaultOptions, withVault } from "./mcp/with-vault.js";

/**
 * Serves a vault as JSON-RPC 2.0 over TCP, TLS or a Unix socket.
 *
 * @module
 */
export type { OnError } from "./error-reports.js";
export type { JsonRpcLimits } from "./json-rpc/rpc-limits.js";
export {
  type JsonRpcServer,
  type JsonRpcServerOptions,
  serveJsonRpc,
} from "./json-rpc/server.js";
export type { ReloadedTls } from "./tls-options.js";

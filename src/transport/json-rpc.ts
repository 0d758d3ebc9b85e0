/**
 * Serves a vault as JSON-RPC 2.0 over TCP, TLS or a Unix socket.
 *
 * @module
 */

export type { JsonRpcLimits } from "./json-rpc/rpc-limits.js";
export {
  type JsonRpcServer,
  type JsonRpcServerOptions,
  serveJsonRpc,
} from "./json-rpc/server.js";
export type { OnError } from "./service/error-reports.js";
export type { ReloadedTls } from "./sockets/tls-options.js";

/**
 * Serves a vault over HTTP: by a server of its own, or as a handler within any framework.
 *
 * @module
 */

export type { HttpHandlerOptions } from "./http/server/options.js";
export type { RunningHttpServer } from "./http/server/server.js";
export type { HttpServerOptions, HttpTlsOptions } from "./http/server/server-options.js";
export { type HttpHandler, httpHandler } from "./rest/handler.js";
export { type NodeHandler, nodeHandler } from "./rest/node.js";
export { serveHttp } from "./rest/server.js";
export type { OnError } from "./service/error-reports.js";
export type { ReloadedTls } from "./sockets/tls-options.js";

/**
 * Serves a vault over HTTP: by a server of its own, or as a handler within any framework.
 *
 * @module
 */
export type { OnError } from "./error-reports.js";
export { type HttpHandler, httpHandler } from "./http/handler.js";
export { type NodeHandler, nodeHandler } from "./http/node.js";
export { serveHttp } from "./http/server.js";
export type { HttpHandlerOptions } from "./http-server/options.js";
export type { RunningHttpServer } from "./http-server/server.js";
export type { HttpServerOptions, HttpTlsOptions } from "./http-server/server-options.js";
export type { ReloadedTls } from "./tls-options.js";

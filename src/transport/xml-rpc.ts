/**
 * A vault as an XML-RPC service.
 *
 * @module
 */

export type { RunningHttpServer } from "./http/server/server.js";
export type { ServerAddress } from "./sockets/listening.js";
export type { ReloadedTls } from "./sockets/tls-options.js";
export { serveXmlRpc, type XmlRpcServerOptions } from "./xml-rpc/server.js";

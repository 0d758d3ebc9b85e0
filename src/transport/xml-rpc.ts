/**
 * A vault as an XML-RPC service.
 *
 * @module
 */

export type { RunningHttpServer } from "./http-server/server.js";
export type { ServerAddress } from "./listening.js";
export type { ReloadedTls } from "./tls-options.js";
export { serveXmlRpc, type XmlRpcServerOptions } from "./xml-rpc/server.js";

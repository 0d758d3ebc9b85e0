/**
 * A vault as an XML-RPC service.
 *
 * @module
 */

export type { RunningHttpServer } from "./http-server/server.js";
export type { ServerAddress } from "./listening.js";
export { serveXmlRpc, type XmlRpcServerOptions } from "./xml-rpc/server.js";

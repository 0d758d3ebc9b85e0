/**
 * A vault as an XML-RPC service.
 *
 * @module
 */
export type { ServerAddress } from "./listening.js";
export type { XmlRpcServerOptions } from "./xml-rpc/options.js";
export { serveXmlRpc, type XmlRpcServer } from "./xml-rpc/server.js";

/** The bytes of the requests of every transport. */
import { writeMethodCall } from "../../src/transport/xml-rpc/call.js";
import { frameOf } from "./frames.js";
import { GATEWAY, OWNER, SAFE_VIEW, TOKEN, type WireName } from "./subject.js";

/** The requests of one transport. */
export interface Requests {
  /** Sent once on every connection, before the measurement. */
  readonly greeting?: Buffer;
  seal(payload: unknown): Buffer;
  unseal(id: string): Buffer;
}

const jsonHeaders = "Content-Type: application/json";
const xmlHeaders = "Content-Type: text/xml";

export const REQUESTS: Readonly<Record<WireName, Requests>> = {
  http: {
    seal: (payload) => post("/handles", jsonHeaders, JSON.stringify(sealParams(payload))),
    unseal: (id) => post(`/handles/${id}/unseal`, jsonHeaders, JSON.stringify(REQUESTER)),
  },
  "json-rpc": {
    greeting: rpc("authenticate", { token: TOKEN }),
    seal: (payload) => rpc("seal", sealParams(payload)),
    unseal: (id) => rpc("unseal", { id, ...REQUESTER }),
  },
  "xml-rpc": {
    seal: (payload) => xml("seal", [payload, OWNER, SAFE_VIEW, 300, [GATEWAY]]),
    unseal: (id) => xml("unseal", [id, OWNER]),
  },
};

const REQUESTER = { requesting_principal: OWNER };

function sealParams(data: unknown): object {
  return {
    data,
    owner_principal: OWNER,
    safe_view: SAFE_VIEW,
    granted_principals: [GATEWAY],
  };
}

function rpc(method: string, params: object): Buffer {
  return frameOf(JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 }));
}

function xml(method: string, params: readonly unknown[]): Buffer {
  return post("/RPC2", xmlHeaders, writeMethodCall({ method, params }));
}

function post(path: string, headers: string, body: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: localhost",
    `Authorization: Bearer ${TOKEN}`,
    headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

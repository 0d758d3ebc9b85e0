/** The recorded traffic of the original's clients and servers, with the meaning of each exchange. */
import { Buffer } from "node:buffer";
import type { VaultClient } from "../../src/client.js";
import { frameOf } from "../../src/transport/json-rpc/frames.js";
import { readMethodCall, readMethodResponse } from "../../src/transport/xml-rpc/call.js";
import { loadVectors } from "./vectors.js";

/** The wires of the recording. */
export type RecordedWire = "http" | "xml-rpc" | "json-rpc";

/** One call as it was sent over a wire. */
export interface Exchange {
  readonly wire: RecordedWire;
  readonly operation: string;
  readonly request: Buffer;
  readonly response: Buffer;
}

type Stored = {
  readonly wire: RecordedWire;
  readonly operation: string;
} & (
  | { readonly request: string; readonly response: string }
  | { readonly requests: readonly [object]; readonly responses: readonly [object] }
);

/** All exchanges of one wire, in the order in which they were recorded. */
export function recordingOf(wire: RecordedWire): Exchange[] {
  return loadVectors<Stored[]>("original/wire.json")
    .filter((stored) => stored.wire === wire)
    .map((stored) => ({ wire, operation: stored.operation, ...bytesOf(stored) }));
}

function bytesOf(stored: Stored): Pick<Exchange, "request" | "response"> {
  if ("request" in stored) {
    return { request: Buffer.from(stored.request), response: Buffer.from(stored.response) };
  }
  const [[request], [response]] = [stored.requests, stored.responses];
  return { request: frameOf(JSON.stringify(request)), response: frameOf(JSON.stringify(response)) };
}

/** The meaning of a request. */
export interface AskedFor {
  /** The method on this wire, with the path if there is one. */
  readonly method: string;
  readonly params: unknown;
}

/** Parses the bytes of a request; omits `jsonrpc` and the request's number. */
export function askedBy({ wire }: Pick<Exchange, "wire">, bytes: Buffer): AskedFor {
  if (wire === "json-rpc") {
    const { method, params } = JSON.parse(bytes.subarray(4).toString()) as AskedFor;
    return { method, params };
  }
  const { head, body } = splitHttp(bytes);
  if (wire === "xml-rpc") return readMethodCall(body);
  const [method, path] = head.split(" ");
  return { method: `${method} ${path}`, params: body.length === 0 ? {} : JSON.parse(String(body)) };
}

/** Parses the bytes of a response; omits ids, times and error texts. */
export function saidBy({ wire }: Pick<Exchange, "wire">, bytes: Buffer): unknown {
  if (wire === "json-rpc") return general(JSON.parse(bytes.subarray(4).toString()));
  const { head, body } = splitHttp(bytes);
  const status = Number(head.split(" ")[1]);
  if (wire === "xml-rpc") return general({ status, ...readMethodResponse(body) });
  const said = JSON.parse(body.toString()) as Record<string, unknown>;
  // This library's errors have additional members, which the original's clients ignore.
  return general({ status, said: status < 400 ? said : { error: said["error"] } });
}

/** Returns the handle's id in the response to a seal. */
export function idIn(bytes: Buffer): string {
  return /hdl_[0-9a-f]{32}/.exec(bytes.toString())?.[0] ?? "no id";
}

/** Returns the length of the first message in bytes, or infinity if it is incomplete. */
export function lengthOf({ wire }: Pick<Exchange, "wire">, bytes: Buffer): number {
  if (wire === "json-rpc") {
    return bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readUInt32BE();
  }
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return Number.POSITIVE_INFINITY;
  const length = /content-length: (\d+)/i.exec(bytes.subarray(0, end).toString())?.[1] ?? "0";
  return end + 4 + Number(length);
}

function splitHttp(bytes: Buffer): { head: string; body: Buffer } {
  const end = bytes.indexOf("\r\n\r\n");
  return { head: bytes.subarray(0, end).toString(), body: bytes.subarray(end + 4) };
}

const GENERAL: readonly (readonly [RegExp, string])[] = [
  [/^hdl_[0-9a-f]{32}$/, "an id"],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)$/, "a time"],
];
const TEXTS = ["error", "message", "faultString"];

function general(value: unknown, name = ""): unknown {
  if (typeof value === "string") {
    if (TEXTS.includes(name)) return "text";
    return GENERAL.find(([pattern]) => pattern.test(value))?.[1] ?? value;
  }
  if (Array.isArray(value)) return value.map((item) => general(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, general(member, key)]),
  );
}

const OWNER = "svc-a";

/** Makes the call of an exchange with this library's client. */
export async function callOf(
  { wire, operation, request }: Exchange,
  client: VaultClient,
): Promise<unknown> {
  const id = idIn(request);
  const asked = askedBy({ wire }, request);
  if (operation.startsWith("seal")) {
    const [data, ownerPrincipal, safeView, ttlSeconds, grantedPrincipals] = Object.values(
      asked.params as object,
    );
    return client.seal(data, { ownerPrincipal, safeView, ttlSeconds, grantedPrincipals });
  }
  if (operation.startsWith("unseal")) {
    return client.unseal(id, operation.endsWith("denied") ? "mallory" : OWNER);
  }
  return operation.startsWith("get_safe_view") ? client.getSafeView(id) : client.invalidate(id);
}

/** Returns the payload that an exchange seals or unseals. */
export function payloadOf(exchange: Exchange): unknown {
  const name = exchange.operation.split(": ")[1];
  const seal = recordingOf(exchange.wire).find(({ operation }) => operation === `seal: ${name}`);
  if (seal === undefined) throw new Error("no seal has this name");
  const { params } = askedBy(seal, seal.request);
  return Object.values(params as object)[0];
}

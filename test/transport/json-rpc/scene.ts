import { afterEach } from "vitest";
import type { Authenticator, Caller } from "../../../src/auth/authenticator.js";
import { HandleVault, type Vault } from "../../../src/index.js";
import {
  type JsonRpcServer,
  type JsonRpcServerOptions,
  serveJsonRpc,
} from "../../../src/transport/json-rpc.js";
import { RawPeer } from "./raw-peer.js";

export const GATEWAY = "spiffe://example.org/gateway";
export const AGENT = "spiffe://example.org/agent";
export const RECORDS = "spiffe://example.org/records";

/** Tokens that are valid until they are removed, and the callers that they identify. */
export function tokens(): Map<string, Caller> {
  return new Map([
    ["gateway-token", { principal: GATEWAY }],
    ["agent-token", { principal: AGENT }],
    ["records-token", { principal: RECORDS, mayActFor: ["spiffe://example.org/records/*"] }],
  ]);
}

/** An authenticator that accepts those tokens. */
export function authOf(known: ReadonlyMap<string, Caller>): Authenticator {
  return {
    authenticate: ({ bearerToken }) => known.get(bearerToken ?? ""),
    isStillValid: (caller) => [...known.values()].includes(caller),
  };
}

/** Trusts the principal that any request names. */
export const localTrust: Authenticator = { localOnly: true, authenticate: () => "local" };

/** A server, a vault, and clients that are closed with it. */
export interface Scene extends AsyncDisposable {
  readonly server: JsonRpcServer;
  readonly known: Map<string, Caller>;
  peer(): Promise<RawPeer>;
  /** Returns an authenticated client. */
  peerAs(token: string): Promise<RawPeer>;
}

export async function scene(
  options: Partial<JsonRpcServerOptions> & { readonly vault?: Vault } = {},
): Promise<Scene> {
  const { vault = new HandleVault(), ...serverOptions } = options;
  const known = tokens();
  const server = await serveJsonRpc(vault, { auth: authOf(known), port: 0, ...serverOptions });
  const peers: RawPeer[] = [];
  const peer = async (): Promise<RawPeer> => {
    const made = await RawPeer.to(server.address);
    peers.push(made);
    return made;
  };
  return {
    server,
    known,
    peer,
    peerAs: async (token) => {
      const made = await peer();
      const answer = await made.ask("authenticate", { token });
      if (answer.error !== undefined) throw new Error("the token was refused");
      return made;
    },
    [Symbol.asyncDispose]: async () => {
      for (const made of peers) made.socket.destroy();
      await server.stop();
    },
  };
}

/** Returns parameters of `seal` with a grant for the gateway. */
export function sealParams(overrides: object = {}): object {
  return { data: "a secret", safe_view: "a payload", granted_principals: [GATEWAY], ...overrides };
}

/** Returns a function that opens scenes, each of which ends with its test. */
export function openScenes(): typeof scene {
  const scenes: Scene[] = [];
  afterEach(async () => {
    for (const made of scenes.splice(0)) await made[Symbol.asyncDispose]();
  });
  return async (options) => {
    const made = await scene(options);
    scenes.push(made);
    return made;
  };
}

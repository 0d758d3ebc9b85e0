/** Servers, clients and authenticators whose callers, vaults or sockets are of another realm. */
import { generateKeyPairSync, KeyObject } from "node:crypto";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import {
  type Authenticator,
  generateToken,
  hashToken,
  openJwtAuth,
  tokenAuth,
} from "../../src/auth.js";
import { HandleVault } from "../../src/index.js";
import { isAbortSignal, isErrorOf } from "../../src/primitives/kinds.js";
import { toWireError } from "../../src/transport/service/error-table.js";
import { connectionOf } from "../../src/transport/sockets/listening.js";
import { evidenceOf } from "../support/evidence.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { clientOf, serverOf, WIRES } from "../transport/clients/wires.js";
import { rejectionOf } from "../transport/laws/harness.js";

// It has no types of its own.
const { JSDOM } = createRequire(import.meta.url)("jsdom") as {
  readonly JSDOM: new () => {
    readonly window: { AbortController: typeof AbortController; URL: typeof URL };
  };
};
const context = createContext({});
const foreign = <T>(code: string): T => runInContext(`(${code})`, context) as T;
const TOKEN = generateToken();
const auth: Authenticator = { authenticate: () => ({ principal: OWNER }) };

describe.each(WIRES)("over %s", (wire) => {
  it("bytes and data of a context arrive as they are, in either direction", async () => {
    const vault = new HandleVault();
    const { port } = await serverOf(wire, vault, { auth });
    const client = clientOf(wire, port, { token: TOKEN });
    const values = ["Uint8Array.of(1, 2)", "({ list: [1, 'x', null], deep: { a: true } })"];
    for (const value of values) {
      const given: unknown = foreign(value);
      const { id } = await client.seal(given, sealOptions());
      expect(JSON.stringify(await vault.unseal(id, OWNER))).toBe(JSON.stringify(given));
      const [sealed] = await client.sealMany([{ data: given, ...sealOptions() }]);
      expect(sealed).toMatchObject({ ok: true });
      vault.unseal = async <T>() => foreign<T>(value);
      expect(JSON.stringify(await client.unseal(id, OWNER))).toBe(JSON.stringify(given));
      const [opened] = await client.unsealMany([{ id, requestingPrincipal: OWNER }]);
      expect(JSON.stringify(opened)).toBe(JSON.stringify({ ok: true, value: given }));
      vault.unseal = HandleVault.prototype.unseal.bind(vault);
    }
  });

  it.each([
    ["TypeError", TypeError],
    ["RangeError", RangeError],
  ] as const)("a %s of a vault's realm is what it is in ours", async (name, expected) => {
    const vault = new HandleVault();
    vault.getSafeView = () => Promise.reject(foreign(`new ${name}("canary")`));
    const reported: unknown[] = [];
    const onError = (error: unknown) => void reported.push(error);
    const { port } = await serverOf(wire, vault, { auth, onError });
    const error = await rejectionOf(
      clientOf(wire, port, { token: TOKEN }).getSafeView(`hdl_${"0".repeat(32)}`),
    );
    expect(error).toBeInstanceOf(expected);
    expect((error as Error).message).not.toContain("canary");
    expect(reported).toEqual([]);
  });

  it("a signal of a window gives calls up", async () => {
    const { port } = await serverOf(wire, new HandleVault(), { auth });
    const controller = new new JSDOM().window.AbortController();
    const client = clientOf(wire, port, { token: TOKEN });
    const { signal } = controller;
    const { id } = await client.seal("text", { ...sealOptions(), signal });
    expect(await client.unseal(id, OWNER, { signal })).toBe("text");
    controller.abort();
    await expect(client.unseal(id, OWNER, { signal })).rejects.toBe(signal.reason);
    for (const none of [null, {}, controller, { ...signal, aborted: true }]) {
      const call = client.unseal(id, OWNER, { signal: none as unknown as AbortSignal });
      await expect(call).rejects.toThrow("an AbortSignal");
    }
  });
});

describe("an authenticator", () => {
  it("takes a key and an expiry of a context", () => {
    const key = foreign<Uint8Array>("new Uint8Array(32).fill(1)");
    expect(hashToken(TOKEN, key)).toBe(hashToken(TOKEN, Buffer.alloc(32, 1)));
    const clock = { now: () => 1000 };
    const authOf = (expiresAt: string) =>
      tokenAuth({
        key,
        clock,
        tokens: [{ token: TOKEN, principal: "a", expiresAt: foreign(expiresAt) }],
      });
    const evidence = evidenceOf({ token: TOKEN });
    expect(authOf("new Date(1001)").authenticate(evidence)).toEqual({ principal: "a" });
    expect(authOf("new Date(1000)").authenticate(evidence)).toBeUndefined();
    expect(() => authOf("{ getTime: () => 5000 }")).toThrow("expiresAt must be a Date");
    expect(() => authOf("Object.create(Date.prototype)")).toThrow("expiresAt must be a Date");
  });

  it("takes the keys of JWTs from a context", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const jwk = JSON.stringify(publicKey.export({ format: "jwk" }));
    const options = { issuer: "https://login.example.org", audience: "handlevault" };
    const keys = [`(${jwk})`, `({ keys: [${jwk}] })`, "new Uint8Array(32).fill(1)"];
    for (const key of keys) {
      expect(await openJwtAuth({ ...options, key: foreign(key) })).toHaveProperty("authenticate");
    }
    const url = new new JSDOM().window.URL("https://login.example.org/keys");
    const ca = foreign<Uint8Array>("new Uint8Array(1)");
    expect(await openJwtAuth({ ...options, jwks: { url, ca } })).toHaveProperty("authenticate");
    const secret = JSON.stringify(privateKey.export({ format: "jwk" }));
    await expect(openJwtAuth({ ...options, key: foreign(secret) })).rejects.toThrow(
      "not a private one",
    );
    const pretended = Object.create(KeyObject.prototype) as KeyObject;
    await expect(openJwtAuth({ ...options, key: pretended })).rejects.toThrow("key must be");
  });
});

describe("an error", () => {
  it("is told by its built-in class, whichever realm made it, and by nothing else it says", () => {
    for (const name of ["RangeError", "SyntaxError", "TypeError"] as const) {
      const same = [
        `new ${name}("x")`,
        `new (class Own extends ${name} { name = "Own" })("x")`,
        `Object.assign(new ${name}("x"), { name: "Other" })`,
      ];
      for (const code of same) expect(isErrorOf(foreign(code), name)).toBe(true);
      const others = [
        "new Error('x')",
        "new EvalError('x')",
        `Object.assign(new Error("x"), { name: "${name}" })`,
        `Object.create(${name}.prototype)`,
        `{ name: "${name}" }`,
        `"${name}"`,
        "null",
      ];
      for (const code of others) expect(isErrorOf(foreign(code), name)).toBe(false);
    }
  });

  it("of the engine that a context's code runs into is one of its arguments, not of the service", () => {
    const thrownIn = (code: string) =>
      foreign<unknown>(`(() => { try { ${code} } catch (error) { return error } })()`);
    expect(toWireError(thrownIn("null.x")).code).toBe("ERR_VAULT_INVALID_TYPE");
    expect(toWireError(thrownIn("new Array(-1)")).code).toBe("ERR_VAULT_OUT_OF_RANGE");
    expect(toWireError(thrownIn("throw new Error('TypeError')")).code).toBe("ERR_VAULT_INTERNAL");
  });
});

describe("a connection", () => {
  it("with TLS is told by what it has, also where a framework has wrapped it", () => {
    const certificate = { subjectAltName: "URI:spiffe://example.org/a" };
    const socket = {
      encrypted: true,
      authorized: true,
      remoteAddress: "10.0.0.7",
      getPeerX509Certificate: () => certificate,
    };
    const peerOf = (more: object) =>
      connectionOf({ ...socket, ...more } as unknown as Socket).peerCertificate;
    expect(peerOf({})).toBe(certificate);
    expect(peerOf({ authorized: false })).toBeUndefined();
    expect(peerOf({ encrypted: false })).toBeUndefined();
    expect(peerOf({ getPeerX509Certificate: undefined })).toBeUndefined();
    expect(connectionOf(new Socket()).peerCertificate).toBeUndefined();
    expect(connectionOf(new TLSSocket(new Socket())).peerCertificate).toBeUndefined();
  });
});

it("what only has the names of a signal is none", () => {
  expect(isAbortSignal(new AbortController().signal)).toBe(true);
  const names = { aborted: false, addEventListener: true, removeEventListener: 1 };
  expect(isAbortSignal({ ...names, throwIfAborted: () => undefined })).toBe(false);
});

/** A fault of the server is not the client's mistake, and is reported to the operator. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Authenticator, anyOf, tokenAuth, trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import type { OnError } from "../../../src/transport/http.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES } from "../clients/wires.js";
import { openScenes } from "../json-rpc/scene.js";
import { ask, serve, UNKNOWN_ID } from "../rest/support.js";

const CANARY = "canary-4711";
const TOKEN = "t".repeat(43);
const openRpc = openScenes();

afterEach(() => void vi.restoreAllMocks());

/** Faults of an authenticator. */
const FAULTS: Readonly<Record<string, () => unknown>> = {
  "throws a TypeError": () => {
    throw new TypeError(CANARY);
  },
  "throws a RangeError": () => {
    throw new RangeError(CANARY);
  },
  "throws a text": () => {
    throw CANARY;
  },
  "rejects with a SyntaxError": () => Promise.reject(new SyntaxError(CANARY)),
  "returns true": () => true,
  "returns a text": () => "root",
  "returns a caller without a principal": () => ({ principal: 5 }),
  "returns a caller with an empty principal": () => ({ principal: "" }),
  "returns a caller who may act for a text": () => ({ principal: OWNER, mayActFor: "*" }),
};

describe.each(WIRES)("over %s", (wire) => {
  async function scene(authenticate: () => unknown) {
    const reported: [unknown, string][] = [];
    const onError: OnError = (error, { requestId }) => void reported.push([error, requestId]);
    const auth = { authenticate } as Authenticator;
    const { port } = await serverOf(wire, new HandleVault(), { auth, onError });
    const client = clientOf(wire, port, { token: TOKEN });
    const refusal = await client.getSafeView(UNKNOWN_ID).catch((error: unknown) => error);
    return { refusal, reported };
  }

  it.each(Object.entries(FAULTS))(
    "an authenticator that %s is a fault of ours",
    async (_, fault) => {
      const { refusal, reported } = await scene(fault);
      expect(refusal).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
      expect(String((refusal as Error).message)).not.toContain(CANARY);
      // A client may send more than one request.
      expect(reported.length).toBeGreaterThan(0);
      for (const [error, requestId] of reported) {
        expect(error).toMatchObject({ name: "AuthenticatorFailedError" });
        expect((error as Error).cause).toBeDefined();
        expect(requestId).toMatch(/^[0-9a-f]{16}$/);
      }
    },
  );

  it("an authenticator that returns null does not know the caller", async () => {
    const { refusal, reported } = await scene(() => null);
    expect(refusal).toMatchObject({ code: "ERR_VAULT_UNAUTHENTICATED" });
    expect(reported).toEqual([]);
  });

  it("an item of a batch that fails by a fault of ours is reported, and the others are answered", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const unseal = vault.unseal.bind(vault);
    vault.unseal = (asked, principal) =>
      asked === UNKNOWN_ID ? Promise.reject(new Error(CANARY)) : unseal(asked, principal);
    const errors: unknown[] = [];
    const auth: Authenticator = { authenticate: () => ({ principal: OWNER }) };
    const { port } = await serverOf(wire, vault, { auth, onError: (error) => errors.push(error) });
    const outcomes = await clientOf(wire, port, { token: TOKEN }).unsealMany([
      { id: UNKNOWN_ID, requestingPrincipal: OWNER },
      { id, requestingPrincipal: OWNER },
    ]);
    expect(outcomes).toMatchObject([{ ok: false }, { ok: true, value: "secret" }]);
    expect(errors.map(String)).toEqual([`Error: ${CANARY}`]);
  });

  it("a token that is not accepted is refused, not trusted for coming from this machine", async () => {
    const vault = new HandleVault();
    const tokens = tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] });
    const { port } = await serverOf(wire, vault, { auth: anyOf(tokens, trustLocalCallers()) });
    const { id } = await vault.seal("secret", sealOptions());
    const open = (token?: string) => clientOf(wire, port, { token }).unseal(id, OWNER);
    expect(await open()).toBe("secret");
    expect(await open(TOKEN)).toBe("secret");
    await expect(open("u".repeat(43))).rejects.toMatchObject({ code: "ERR_VAULT_UNAUTHENTICATED" });
  });
});

describe("a report", () => {
  const failing: Authenticator = {
    authenticate: () => {
      throw new TypeError(CANARY);
    },
  };

  it("has the request id that the answer names", async () => {
    const ids: string[] = [];
    const onError: OnError = (_, { requestId }) => void ids.push(requestId);
    const server = await serve({ auth: failing, onError });
    const answer = await ask(server, "GET /handles/x", { token: "t" });
    expect([answer.status, answer.body["code"]]).toEqual([500, "ERR_VAULT_INTERNAL"]);
    const rpc = await openRpc({ auth: failing, onError });
    const { error } = await (await rpc.peer()).ask("describe", { id: "x" });
    const data = error?.data as { readonly request_id: string };
    expect(ids).toEqual([answer.body["request_id"], data.request_id]);
  });

  it("is a warning by default, ten a minute at most, without the error's text", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const server = await serve({ auth: failing });
    for (let call = 0; call < 15; call++) await ask(server, "GET /handles/x", { token: "t" });
    expect(warned).toHaveBeenCalledTimes(10);
    const [text, options] = warned.mock.calls[0] ?? [];
    expect(String(text)).toMatch(/AuthenticatorFailedError, caused by TypeError/);
    expect(options).toMatchObject({ code: "HANDLEVAULT_INTERNAL_ERROR" });
    expect(JSON.stringify(warned.mock.calls)).not.toContain(CANARY);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error(CANARY);
      },
    ],
    ["rejects", () => Promise.reject(new Error(CANARY))],
  ])("that %s changes no answer", async (_, onError) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const server = await serve({ auth: failing, onError: onError as OnError });
    expect((await ask(server, "GET /handles/x", { token: "t" })).status).toBe(500);
    await new Promise(setImmediate);
    expect(warned).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(warned.mock.calls)).not.toContain(CANARY);
  });

  it("is not reported for a client's mistake, or for a client that disconnects", async () => {
    const errors: unknown[] = [];
    const server = await serve({ onError: (error) => errors.push(error) });
    for (const text of ["{", '{"data":1}', '{"data":1e999}']) {
      await ask(server, "POST /handles", { text, token: "owner" });
    }
    const broken = ask(server, "POST /handles", {
      text: "{",
      token: "owner",
      headers: { "content-length": "100", connection: "close" },
    });
    await server.stop();
    await broken.catch(() => undefined);
    expect(errors).toEqual([]);
  });

  it("is given to a function", async () => {
    await expect(serve({ onError: "log" as unknown as OnError })).rejects.toThrow(TypeError);
    await expect(openRpc({ onError: {} as OnError })).rejects.toThrow(TypeError);
  });
});

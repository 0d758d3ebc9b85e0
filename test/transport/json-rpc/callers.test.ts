import { describe, expect, it } from "vitest";
import type { Authenticator, Evidence } from "../../../src/auth/authenticator.js";
import { frameOf } from "../../../src/transport/json-rpc/frames.js";
import { AuthenticationUnavailableError } from "../../../src/vault/errors.js";
import {
  AGENT,
  authOf,
  GATEWAY,
  localTrust,
  openScenes,
  RECORDS,
  type Scene,
  sealParams,
  tokens,
} from "./scene.js";

const UNAUTHENTICATED = { code: -32010, data: { code: "ERR_VAULT_UNAUTHENTICATED" } };
const FORBIDDEN = { code: -32011, data: { code: "ERR_VAULT_PRINCIPAL_FORBIDDEN" } };
const DENIED = { code: -32003, data: { code: "ERR_VAULT_HANDLE_ACCESS_DENIED" } };
const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;

const open = openScenes();

/** Seals for the gateway and returns the handle's id. */
async function sealed({ peerAs }: Scene): Promise<unknown> {
  return (await (await peerAs("records-token")).ask("seal", sealParams())).result?.["id"];
}

describe("who is calling", () => {
  it("an unauthenticated caller gets no response except to health", async () => {
    const { peer } = await open();
    const raw = await peer();
    expect((await raw.ask("health")).result).toEqual({ status: "ok" });
    expect((await raw.ask("get_safe_view", [UNKNOWN_ID])).error).toMatchObject(UNAUTHENTICATED);
    const asked = { id: UNKNOWN_ID, requesting_principal: GATEWAY };
    expect((await raw.ask("unseal", asked)).error).toMatchObject(UNAUTHENTICATED);
  });

  it("an agent that names the gateway's principal in the parameters is refused", async () => {
    const made = await open();
    const id = await sealed(made);
    const agent = await made.peerAs("agent-token");
    for (const method of ["unseal", "describe", "invalidate"]) {
      const answer = await agent.ask(method, { id, requesting_principal: GATEWAY });
      expect(answer.error).toMatchObject(FORBIDDEN);
    }
    for (const method of ["grant", "revoke"]) {
      const answer = await agent.ask(method, { id, principal: AGENT, by: RECORDS });
      expect(answer.error).toMatchObject(FORBIDDEN);
    }
    const renewal = await agent.ask("renew", { id, ttl_seconds: 5, by: RECORDS });
    expect(renewal.error).toMatchObject(FORBIDDEN);
    const forged = await agent.ask("seal", sealParams({ owner_principal: RECORDS }));
    expect(forged.error).toMatchObject(FORBIDDEN);
    const many = await agent.ask("unseal_many", {
      requests: [{ id, requesting_principal: GATEWAY }],
    });
    expect(JSON.stringify(many.result)).toContain("ERR_VAULT_PRINCIPAL_FORBIDDEN");
    expect((await agent.ask("unseal", { id })).error).toMatchObject(DENIED);
    const gateway = await made.peerAs("gateway-token");
    expect((await gateway.ask("unseal", { id })).result).toEqual({ data: "a secret" });
  });

  it("a credential may come with one request alone, with or without its scheme", async () => {
    const made = await open();
    const id = await sealed(made);
    const raw = await made.peer();
    for (const authorization of ["Bearer gateway-token", "bearer gateway-token", "gateway-token"]) {
      const answer = await raw.ask("unseal", { id }, { authorization });
      expect(answer.result).toEqual({ data: "a secret" });
    }
    expect((await raw.ask("unseal", { id })).error).toMatchObject(UNAUTHENTICATED);
  });

  it("a request's own credential overrides the connection's, also when it is refused", async () => {
    const made = await open();
    const id = await sealed(made);
    const gateway = await made.peerAs("gateway-token");
    const asAgent = await gateway.ask("unseal", { id }, { authorization: "agent-token" });
    expect(asAgent.error).toMatchObject(DENIED);
    const asNobody = await gateway.ask("unseal", { id }, { authorization: "" });
    expect(asNobody.error).toMatchObject(UNAUTHENTICATED);
  });

  it("a token that expires on an open connection is refused with the next request", async () => {
    const made = await open();
    const id = await sealed(made);
    const gateway = await made.peerAs("gateway-token");
    expect((await gateway.ask("unseal", { id })).error).toBeUndefined();
    made.known.delete("gateway-token");
    expect((await gateway.ask("unseal", { id })).error).toMatchObject(UNAUTHENTICATED);
  });

  it("the caller is fixed when the frame arrives, whatever the connection says later", async () => {
    const made = await open();
    const id = await sealed(made);
    const raw = await made.peer();
    const ask = (method: string, params: object, requestId: string) =>
      frameOf(JSON.stringify({ jsonrpc: "2.0", method, params, id: requestId }));
    raw.socket.write(
      Buffer.concat([
        ask("authenticate", { token: "gateway-token" }, "a"),
        ask("unseal", { id }, "as gateway"),
        ask("authenticate", { token: "agent-token" }, "b"),
        ask("unseal", { id }, "as agent"),
      ]),
    );
    const answers = new Map<unknown, unknown>();
    for (let count = 0; count < 4; count++) {
      const answer = await raw.next();
      answers.set(answer.id, answer.error ?? answer.result);
    }
    expect(answers.get("as gateway")).toEqual({ data: "a secret" });
    expect(answers.get("as agent")).toMatchObject(DENIED);
  });

  it("authenticating within a batch is refused, and changes no caller", async () => {
    const made = await open();
    const id = await sealed(made);
    const raw = await made.peer();
    raw.send([
      { jsonrpc: "2.0", method: "authenticate", params: { token: "gateway-token" }, id: 1 },
      { jsonrpc: "2.0", method: "unseal", params: { id }, id: 2 },
    ]);
    const responses: unknown = JSON.parse((await raw.nextText()) ?? "null");
    expect(responses).toMatchObject([
      { id: 1, error: { code: -32600 } },
      { id: 2, error: UNAUTHENTICATED },
    ]);
    expect((await raw.ask("unseal", { id })).error).toMatchObject(UNAUTHENTICATED);
  });

  it("a token is verified once per connection, and again only when it may have expired", async () => {
    const [known, looks] = [tokens(), [] as unknown[]];
    let isStillValid = true;
    const auth: Authenticator = {
      authenticate: ({ bearerToken = "" }) => {
        looks.push(bearerToken);
        return known.get(bearerToken);
      },
      isStillValid: () => isStillValid,
    };
    const made = await open({ auth });
    const agent = await made.peerAs("agent-token");
    looks.length = 0;
    for (let call = 0; call < 3; call++) await agent.ask("describe", { id: UNKNOWN_ID });
    expect(looks).toEqual([]);
    isStillValid = false;
    known.delete("agent-token");
    const answer = await agent.ask("describe", { id: UNKNOWN_ID });
    expect(answer.error).toMatchObject(UNAUTHENTICATED);
    expect(looks).toEqual(["agent-token"]);
  });

  it("a refused token replaces the previous one: the connection is no longer authenticated", async () => {
    const made = await open();
    const id = await sealed(made);
    const gateway = await made.peerAs("gateway-token");
    expect((await gateway.ask("authenticate", { token: "no" })).error).toMatchObject(
      UNAUTHENTICATED,
    );
    expect((await gateway.ask("unseal", { id })).error).toMatchObject(UNAUTHENTICATED);
  });

  it("three failures end the connection", async () => {
    const { peer } = await open();
    for (const method of ["authenticate", "describe"]) {
      const raw = await peer();
      for (let id = 0; id < 5; id++) {
        raw.send({ method, params: { token: "no", id: UNKNOWN_ID }, authorization: "no", id });
      }
      expect((await raw.rest()).map(({ error }) => error?.code)).toEqual([-32010, -32010, -32010]);
    }
  });

  it("a batch may try no more credentials than single requests", async () => {
    let looks = 0;
    const auth: Authenticator = {
      authenticate: ({ bearerToken }) => {
        if (bearerToken !== undefined) looks++;
        return undefined;
      },
    };
    const { peer } = await open({ auth });
    const raw = await peer();
    raw.send(
      Array.from({ length: 500 }, (_, id) => ({
        jsonrpc: "2.0",
        method: "health",
        authorization: `${id}`,
        id,
      })),
    );
    await raw.rest();
    expect(looks).toBe(3);
  });

  it("after twenty failures from one address no credential is verified for a while", async () => {
    const known = tokens();
    let looks = 0;
    const inner = authOf(known);
    const auth: Authenticator = {
      authenticate: (evidence: Evidence) => {
        if (evidence.bearerToken !== undefined) looks++;
        return inner.authenticate(evidence);
      },
    };
    const { peer } = await open({ auth });
    for (let round = 0; round < 7; round++) {
      const raw = await peer();
      for (let id = 0; id < 3; id++)
        raw.send({ jsonrpc: "2.0", method: "authenticate", params: ["no"], id });
      await raw.nextText();
      await raw.nextText();
      await raw.nextText();
      raw.socket.destroy();
    }
    expect(looks).toBe(20);
    const honest = await (await peer()).ask("authenticate", { token: "gateway-token" });
    expect(honest.error).toMatchObject({
      code: -32015,
      data: { code: "ERR_VAULT_RATE_LIMITED", retry_after_seconds: 3 },
    });
    expect(looks).toBe(20);
  });

  it("each caller has one rate limit, on however many connections", async () => {
    const { peerAs } = await open({ requestsPerMinute: 3 });
    const limited = { data: { code: "ERR_VAULT_RATE_LIMITED", retry_after_seconds: 20 } };
    for (let round = 0; round < 2; round++) {
      const agent = await peerAs("agent-token");
      for (let count = 0; count < 2; count++) {
        const { error } = await agent.ask("health");
        if (round + count < 2) expect(error).toBeUndefined();
        else expect(error).toMatchObject(limited);
      }
    }
    expect((await (await peerAs("records-token")).ask("health")).error).toBeUndefined();
  });

  it("frames are at most 64 KiB until the connection is authenticated", async () => {
    const { peer, peerAs } = await open();
    const large = sealParams({ data: "x".repeat(70_000) });
    const raw = await peer();
    raw.send({
      jsonrpc: "2.0",
      method: "seal",
      params: large,
      id: 1,
      authorization: "records-token",
    });
    expect((await raw.rest()).map(({ error }) => error?.code)).toEqual([-32013]);
    expect((await (await peerAs("records-token")).ask("seal", large)).error).toBeUndefined();
    const once = await peer();
    await once.ask("describe", { id: UNKNOWN_ID }, { authorization: "records-token" });
    const second = await once.ask("seal", large, { authorization: "records-token" });
    expect(second.error).toBeUndefined();
  });

  it("a large frame right behind the credential is let through", async () => {
    const { peer } = await open();
    const raw = await peer();
    raw.send({ jsonrpc: "2.0", method: "authenticate", params: { token: "records-token" }, id: 1 });
    raw.send({
      jsonrpc: "2.0",
      method: "seal",
      params: sealParams({ data: "x".repeat(70_000) }),
      id: 2,
    });
    expect((await raw.next()).result).toEqual({ ok: true });
    expect((await raw.next()).result).toMatchObject({ safe_view: "a payload" });
  });

  it("an authenticator that is unavailable does not count as a failure of the caller", async () => {
    const auth: Authenticator = {
      authenticate: ({ bearerToken }) => {
        if (bearerToken === undefined) return undefined;
        throw new AuthenticationUnavailableError();
      },
    };
    const { peer } = await open({ auth });
    const raw = await peer();
    for (let round = 0; round < 5; round++) {
      const answer = await raw.ask("authenticate", { token: "x" });
      expect(answer.error).toMatchObject({
        data: { code: "ERR_VAULT_AUTHENTICATION_UNAVAILABLE" },
      });
    }
  });

  it("safe views are public, and payloads the gateways', only by option", async () => {
    const made = await open({ publicSafeViews: true, gatewayPrincipals: [GATEWAY] });
    const id = await sealed(made);
    expect((await (await made.peer()).ask("get_safe_view", { id })).result).toEqual({
      safe_view: "a payload",
    });
    const owner = await made.peerAs("records-token");
    expect((await owner.ask("unseal", { id })).error).toMatchObject(FORBIDDEN);
  });

  it("a trusted local process names the principal itself", async () => {
    const { peer } = await open({ auth: localTrust });
    const raw = await peer();
    const handle = await raw.ask("seal", sealParams({ owner_principal: RECORDS }));
    const id = handle.result?.["id"];
    const opened = await raw.ask("unseal", { handle_id: id, requesting_principal: GATEWAY });
    expect(opened.result).toEqual({ data: "a secret" });
    const large = sealParams({ owner_principal: RECORDS, data: "x".repeat(100_000) });
    expect((await raw.ask("seal", large)).error).toBeUndefined();
  });
});

describe("no error answer", () => {
  it("holds a secret, an id, a principal, a token or a stack", async () => {
    const canary = "canary-4711";
    const made = await open();
    const owner = await made.peerAs("records-token");
    const params = sealParams({ data: canary, granted_principals: [`g-${canary}`] });
    const id = String((await owner.ask("seal", params)).result?.["id"]);
    const agent = await made.peerAs("agent-token");
    const requests: [string, object, object?][] = [
      ["unseal", { id }],
      ["unseal", { id: canary }],
      ["unseal", { [canary]: 1 }],
      ["unseal", { id, requesting_principal: canary }],
      ["grant", { id, principal: canary }],
      ["describe", { id }],
      ["seal", sealParams({ data: canary, owner_principal: canary })],
      ["seal", sealParams({ data: canary, ttl_seconds: canary })],
      ["seal", sealParams({ data: canary, data_encoding: canary })],
      [canary, {}],
      ["unseal", [id, canary, canary]],
      ["authenticate", { token: canary }],
      ["unseal", { id }, { authorization: canary }],
    ];
    for (const [method, given, members] of requests) {
      agent.send({ method, params: given, id: 1, ...members });
      const text = (await agent.nextText()) ?? "";
      expect(text).toContain('"error"');
      expect(text).not.toContain(canary);
      expect(text).not.toContain(id);
      expect(text).not.toMatch(/spiffe|\.[jt]s:|\\n| {4}at /);
    }
  });
});

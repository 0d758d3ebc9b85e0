/** Many callers share an address: the failures of some do not lock out the others. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Authenticator, headerAuth, openJwtAuth } from "../../../src/auth.js";
import type { VaultClient } from "../../../src/client.js";
import { HandleVault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { AcceptedCredentials } from "../../../src/transport/limits/accepted-credentials.js";
import { FailureLimit } from "../../../src/transport/limits/failure-limit.js";
import { TestIssuer } from "../../support/tokens.js";
import { ManualClock, OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES } from "../clients/wires.js";
import { ask } from "../rest/support.js";

const FAILURES = 5;
const LIMITED = "ERR_VAULT_RATE_LIMITED";
const REFUSED = "ERR_VAULT_UNAUTHENTICATED";

/** Accepts tokens and has no `isStillValid`, so that each request on a kept connection is verified. */
function authOf(known: Set<string>): Authenticator {
  return {
    authenticate: ({ bearerToken = "" }) =>
      known.has(bearerToken) ? { principal: OWNER } : undefined,
  };
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );

describe.each(WIRES)("over %s", (wire) => {
  async function scene() {
    const known = new Set(["kept", "later"]);
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const { port } = await serverOf(wire, vault, {
      auth: authOf(known),
      failedAuthenticationsPerMinute: FAILURES,
    });
    const view = (client: VaultClient) => codeOf(client.getSafeView(id));
    const showing = (token?: string) => clientOf(wire, port, { token });
    /** Fails as often as the address may, each time on a new connection. */
    const exhaust = async (): Promise<void> => {
      for (let guess = 0; guess < FAILURES; guess++) {
        const guessing = showing(`guess-${guess}`);
        expect(await view(guessing)).toBe(REFUSED);
        await guessing.close();
      }
      expect(await view(showing("one-more"))).toBe(LIMITED);
    };
    return { known, view, showing, exhaust };
  }

  it("a credential that was accepted is served on, over kept connections and new ones", async () => {
    const { view, showing, exhaust } = await scene();
    const kept = showing("kept");
    expect(await view(kept)).toBe("done");
    await exhaust();
    for (let call = 0; call < 3; call++) {
      expect(await view(kept)).toBe("done");
      expect(await view(showing("kept"))).toBe("done");
    }
    expect(await view(showing("later"))).toBe(LIMITED);
  });

  it("a credential that is withdrawn is refused, counts as a failure, and passes no more", async () => {
    const { known, view, showing, exhaust } = await scene();
    expect(await view(showing("kept"))).toBe("done");
    await exhaust();
    known.delete("kept");
    expect(await view(showing("kept"))).toBe(REFUSED);
    expect(await view(showing("kept"))).toBe(LIMITED);
  });

  it("requests without a credential are refused, and count for no address", async () => {
    const { view, showing } = await scene();
    for (let call = 0; call < 3 * FAILURES; call++) {
      const anonymous = showing();
      expect(await view(anonymous)).toBe(REFUSED);
      expect(await view(anonymous)).toBe(REFUSED);
      await anonymous.close();
    }
    expect(await view(showing("later"))).toBe("done");
  });

  it("requests without a credential are refused as such even where others have failed too often", async () => {
    const { view, showing, exhaust } = await scene();
    await exhaust();
    expect(await view(showing())).toBe(REFUSED);
  });

  it("tokens under a key that the issuer has only just published count as no failures", async () => {
    const [first, second] = [new TestIssuer("first"), new TestIssuer("second")];
    let keys = [first.jwk];
    const publisher = createServer((_, response) => response.end(JSON.stringify({ keys })));
    await new Promise<void>((resolve) => publisher.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void publisher.close());
    const clock = new ManualClock();
    const url = `http://127.0.0.1:${(publisher.address() as AddressInfo).port}/`;
    const { issuer, audience } = TestIssuer;
    const auth = await openJwtAuth({ issuer, audience, clock, jwks: { url } });
    const limits = { failedAuthenticationsPerMinute: FAILURES };
    const { port } = await serverOf(wire, new HandleVault(), { auth, ...limits });
    const outcome = async (from: TestIssuer): Promise<unknown> => {
      const client = clientOf(wire, port, { token: from.token(clock.nowMs) });
      const code = await codeOf(client.getSafeView(`hdl_${"0".repeat(32)}`));
      await client.close();
      return code;
    };
    const accepted = "ERR_VAULT_HANDLE_NOT_FOUND";
    expect(await outcome(first)).toBe(accepted);
    keys = [second.jwk];
    for (let call = 0; call < 2 * FAILURES; call++) expect(await outcome(second)).toBe(REFUSED);
    clock.advanceSeconds(30);
    expect(await outcome(second)).toBe(accepted);
  });
});

describe("a credential that is a header", () => {
  const SECRET = "p".repeat(32);
  const from = (secret: string) => ({ "x-proxy-secret": secret, "x-principal": OWNER });

  it("counts when it is wrong, and is served on when it was right", async () => {
    const auth = headerAuth({ peers: ["127.0.0.1"], secret: SECRET });
    const server = await serveHttp(new HandleVault(), {
      ...{ auth, port: 0, failedAuthenticationsPerMinute: FAILURES },
    });
    onTestFinished(() => server.stop());
    const statusOf = async (headers: Record<string, string>) =>
      (await ask(server, "GET /handles/x", { headers })).status;
    expect(await statusOf(from(SECRET))).toBe(404);
    for (let guess = 0; guess < FAILURES; guess++) {
      expect(await statusOf(from(`guess-${guess}`.padEnd(32, "x")))).toBe(401);
    }
    expect(await statusOf(from("x".repeat(32)))).toBe(429);
    expect(await statusOf(from(SECRET))).toBe(404);
    expect(await statusOf({})).toBe(401);
  });

  it("counts when it is the first that is ever shown", async () => {
    const auth = headerAuth({ peers: ["127.0.0.1"], secret: SECRET });
    const server = await serveHttp(new HandleVault(), {
      ...{ auth, port: 0, failedAuthenticationsPerMinute: 1 },
    });
    onTestFinished(() => server.stop());
    const statusOf = async (secret: string) =>
      (await ask(server, "GET /handles/x", { headers: from(secret) })).status;
    expect(await statusOf("x".repeat(32))).toBe(401);
    expect(await statusOf(SECRET)).toBe(429);
  });
});

describe("accepted credentials", () => {
  const HERE = { remoteAddress: "192.0.2.1", isLocal: false };
  const good = () => "somebody";
  const bad = () => undefined;

  it("pass over the failures of their address for ten minutes after they were last accepted", async () => {
    let nowMs = 0;
    const limit = new FailureLimit({ perMinute: 1, elapsedMs: () => nowMs });
    const show = async (credential: string, look: () => string | undefined) =>
      limit.attempt({ connection: HERE, credential: () => credential, look });
    const exhausted = async () => {
      await show("wrong", bad).catch(() => undefined);
      await expect(show("another", good)).rejects.toMatchObject({ code: LIMITED });
    };
    expect(await show("token", good)).toBe("somebody");
    for (const minutes of [9, 9, 9]) {
      nowMs += minutes * 60_000;
      await exhausted();
      expect(await show("token", good)).toBe("somebody");
    }
    nowMs += 10 * 60_000;
    await exhausted();
    await expect(show("token", good)).rejects.toMatchObject({ code: LIMITED });
  });

  it("wait for none of the credentials that are being looked at", async () => {
    const limit = new FailureLimit({ perMinute: 1, elapsedMs: () => 0 });
    const show = (credential: string, look: () => Promise<string>) =>
      limit.attempt({ connection: HERE, credential: () => credential, look });
    expect(await show("token", async () => "somebody")).toBe("somebody");
    let letGo: (() => void) | undefined;
    const slow = show("slow", () => new Promise((resolve) => (letGo = () => resolve("slow"))));
    expect(await show("token", async () => "somebody")).toBe("somebody");
    letGo?.();
    expect(await slow).toBe("slow");
  });

  it("are remembered by keyed digests, the last 10,000 of them", () => {
    const accepted = new AcceptedCredentials(() => 0);
    for (let index = 0; index <= 10_000; index++) accepted.accept(accepted.shown(`token-${index}`));
    expect(accepted.size).toBe(10_000);
    expect(accepted.has(accepted.shown("token-0"))).toBe(false);
    expect(accepted.has(accepted.shown("token-10000"))).toBe(true);
    expect(inspect(accepted, { showHidden: true, depth: null })).not.toContain("token-");
  });

  it("that are longer than any authenticator takes are not remembered", () => {
    const accepted = new AcceptedCredentials(() => 0);
    const long = accepted.shown("x".repeat(1_000_000));
    accepted.accept(long);
    expect([accepted.size, accepted.has(long)]).toEqual([0, false]);
  });
});

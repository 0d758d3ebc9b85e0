import { describe, expect, it, onTestFinished } from "vitest";
import type { Authenticator } from "../../src/auth.js";
import { VaultClient } from "../../src/client.js";
import { HandleVault } from "../../src/index.js";
import { serveHttp } from "../../src/transport/http.js";
import { serveJsonRpc } from "../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../src/transport/xml-rpc.js";
import { OWNER, sealOptions } from "../support/vault.js";

const GUESSES = 1000;
const HONEST = 200;
const FAILURES_PER_MINUTE = 20;
const MANY = { port: 0, maxConnections: 2000, maxInFlight: 2000 };
const GOOD = "good";

const WIRES = {
  http: {
    serve: (vault: HandleVault, auth: Authenticator) => serveHttp(vault, { auth, ...MANY }),
    connect: (port: number, token: string) =>
      VaultClient.http(`http://127.0.0.1:${port}`, { token }),
  },
  "xml-rpc": {
    serve: (vault: HandleVault, auth: Authenticator) => serveXmlRpc(vault, { auth, ...MANY }),
    connect: (port: number, token: string) =>
      VaultClient.rpc(`http://127.0.0.1:${port}`, { token }),
  },
  "json-rpc": {
    serve: (vault: HandleVault, auth: Authenticator) => serveJsonRpc(vault, { auth, ...MANY }),
    connect: (port: number, token: string) => VaultClient.socket({ port }, { token }),
  },
} as const;

/** An authenticator that answers nobody until it is let go, and notes how many it looks at. */
function slowAuth() {
  let tried = 0;
  let looking = 0;
  let most = 0;
  let letGo: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const auth: Authenticator = {
    async authenticate({ bearerToken }) {
      if (bearerToken === undefined) return undefined;
      tried++;
      looking++;
      most = Math.max(most, looking);
      await released;
      await aMoment();
      looking--;
      return bearerToken === GOOD ? { principal: OWNER } : undefined;
    },
  };
  return { auth, letGo, tried: () => tried, most: () => most };
}

async function stage(wire: keyof typeof WIRES) {
  const slow = slowAuth();
  const vault = new HandleVault();
  const { serve, connect } = WIRES[wire];
  const server = await serve(vault, slow.auth);
  onTestFinished(() => server.stop());
  const { id } = await vault.seal("secret", sealOptions());
  const unseal = async (token: string): Promise<string> => {
    const client = connect(server.address.port ?? 0, token);
    try {
      return await client.unseal<string>(id, OWNER);
    } catch (error) {
      return String((error as { code?: unknown }).code);
    } finally {
      await client.close();
    }
  };
  return { ...slow, unseal };
}

describe.each(Object.keys(WIRES) as (keyof typeof WIRES)[])("over %s", (wire) => {
  it("a thousand guesses at once are 20 tries, and what is tried later is refused", async () => {
    const { unseal, letGo, tried } = await stage(wire);
    const guesses = Array.from({ length: GUESSES }, (_, guess) => unseal(`guess-${guess}`));
    for (let turn = 0; turn < 100; turn++) await aMoment();
    letGo();
    const answers = await Promise.all(guesses);
    expect(tried()).toBe(FAILURES_PER_MINUTE);
    const count = (code: string) => answers.filter((answer) => answer === code).length;
    expect(count("ERR_VAULT_UNAUTHENTICATED")).toBe(FAILURES_PER_MINUTE);
    expect(count("ERR_VAULT_RATE_LIMITED")).toBe(GUESSES - FAILURES_PER_MINUTE);
    expect(await unseal(GOOD)).toBe("ERR_VAULT_RATE_LIMITED");
  }, 30_000);

  it("200 honest calls at once all succeed, however slow the authenticator is", async () => {
    const { unseal, letGo, most } = await stage(wire);
    const calls = Array.from({ length: HONEST }, () => unseal(GOOD));
    for (let turn = 0; turn < 100; turn++) await aMoment();
    letGo();
    expect(await Promise.all(calls)).toEqual(Array(HONEST).fill("secret"));
    expect(most()).toBeLessThanOrEqual(FAILURES_PER_MINUTE);
  }, 30_000);
});

function aMoment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

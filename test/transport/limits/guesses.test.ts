import { afterEach, describe, expect, it, vi } from "vitest";
import type { Authenticator } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES, type WireName } from "../clients/wires.js";

const GUESSES = 1000;
const HONEST = 200;
const FAILURES_PER_MINUTE = 20;
const MANY = { maxConnections: 2000, maxInFlight: 2000 };
const GOOD = "good-";

/** An authenticator that waits until the test releases it, and records how many new tokens it verifies. */
function slowAuth() {
  let tried = 0;
  let looking = 0;
  let most = 0;
  const accepted = new Set<string>();
  let letGo: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const auth: Authenticator = {
    async authenticate({ bearerToken }) {
      if (bearerToken === undefined) return undefined;
      const isNew = !accepted.has(bearerToken);
      if (isNew) tried++;
      if (isNew) most = Math.max(most, ++looking);
      await released;
      await aMoment();
      if (isNew) looking--;
      if (bearerToken.startsWith(GOOD)) accepted.add(bearerToken);
      return bearerToken.startsWith(GOOD) ? { principal: OWNER } : undefined;
    },
  };
  return { auth, letGo, tried: () => tried, most: () => most };
}

async function stage(wire: WireName) {
  const slow = slowAuth();
  const vault = new HandleVault();
  const { port } = await serverOf(wire, vault, { auth: slow.auth, ...MANY });
  const { id } = await vault.seal("secret", sealOptions());
  const unseal = async (token: string): Promise<string> => {
    const client = clientOf(wire, port, { token });
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

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(WIRES)("over %s", (wire) => {
  it("a thousand guesses at once are 20 tries, and the others are refused", async () => {
    const { unseal, letGo, tried } = await stage(wire);
    // Another attempt is allowed every three seconds, so the clock is stopped.
    vi.spyOn(performance, "now").mockReturnValue(performance.now());
    const guesses = Array.from({ length: GUESSES }, (_, guess) => unseal(`guess-${guess}`));
    for (let turn = 0; turn < 100; turn++) await aMoment();
    letGo();
    const answers = await Promise.all(guesses);
    expect(tried()).toBe(FAILURES_PER_MINUTE);
    const count = (code: string) => answers.filter((answer) => answer === code).length;
    expect(count("ERR_VAULT_UNAUTHENTICATED")).toBe(tried());
    expect(count("ERR_VAULT_RATE_LIMITED")).toBe(GUESSES - tried());
  });

  it("200 honest callers at once all succeed, however slow the authenticator is", async () => {
    const { unseal, letGo, most } = await stage(wire);
    const calls = Array.from({ length: HONEST }, (_, caller) => unseal(GOOD + caller));
    for (let turn = 0; turn < 100; turn++) await aMoment();
    letGo();
    expect(await Promise.all(calls)).toEqual(Array(HONEST).fill("secret"));
    expect(most()).toBeLessThanOrEqual(FAILURES_PER_MINUTE);
  });
});

function aMoment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Connection } from "../../../src/auth/authenticator.js";
import { FailureLimit, originOf } from "../../../src/transport/limits/failure-limit.js";

vi.mock("../../../src/primitives/timers.js", async (genuine) => ({
  ...(await genuine<object>()),
  ...(await import("../../support/global-timers.js")),
}));

const from = (remoteAddress?: string) => ({ remoteAddress, isLocal: false });
const HERE = from("192.0.2.1");
const LIMITED = { code: "ERR_VAULT_RATE_LIMITED" };

const fail = async () => undefined;
const succeed = async () => "somebody";

/** Sends a credential that was not sent before, from an address. */
let shown = 0;
async function attempt<T>(
  limit: FailureLimit,
  connection: Connection,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const credential = `credential ${shown++}`;
  return limit.attempt({ connection, credential: () => credential, look });
}

describe("failed authentications", () => {
  it("are 20 a minute from one address; then one every three seconds", async () => {
    let nowMs = 0;
    const limit = new FailureLimit({ elapsedMs: () => nowMs });
    for (let failure = 0; failure < 20; failure++) {
      expect(await attempt(limit, HERE, fail)).toBeUndefined();
    }
    const refused = { ...LIMITED, retryAfterSeconds: 3 };
    await expect(attempt(limit, HERE, succeed)).rejects.toMatchObject(refused);
    expect(await attempt(limit, from("192.0.2.2"), succeed)).toBe("somebody");
    nowMs += 3000;
    expect(await attempt(limit, HERE, fail)).toBeUndefined();
    await expect(attempt(limit, HERE, succeed)).rejects.toMatchObject(refused);
    nowMs += 60_000;
    expect(await attempt(limit, HERE, succeed)).toBe("somebody");
  });

  it("count when it was the authenticator that found the credential", async () => {
    const limit = new FailureLimit({ perMinute: 1, elapsedMs: () => 0 });
    let shown: string | undefined;
    const look = async () => {
      shown = "found";
      return undefined;
    };
    expect(
      await limit.attempt({ connection: HERE, credential: () => shown, look }),
    ).toBeUndefined();
    await expect(attempt(limit, HERE, succeed)).rejects.toMatchObject(LIMITED);
  });

  it("do not count when authentication is unavailable, and release their turn", async () => {
    const limit = new FailureLimit({ perMinute: 1, elapsedMs: () => 0 });
    for (let outage = 0; outage < 50; outage++) {
      const look = () => Promise.reject(new Error("away"));
      await expect(attempt(limit, HERE, look)).rejects.toThrow("away");
    }
    expect(await attempt(limit, HERE, succeed)).toBe("somebody");
  });

  it("are counted together for all addresses that one IPv6 host may have", () => {
    expect(originOf(from("2001:db8:1:2:3:4:5:6"))).toBe("2001:db8:1:2");
    expect(originOf(from("2001:db8:1:2::ffff"))).toBe("2001:db8:1:2");
    expect(originOf(from("2001:0db8:0001:0002::"))).toBe("2001:db8:1:2");
    expect(originOf(from("fe80::1%eth0"))).toBe("fe80:0:0:0");
    expect(originOf(from("::1"))).toBe("0:0:0:0");
    expect(originOf(from("2001:db8:1:3::1"))).not.toBe(originOf(from("2001:db8:1:2::1")));
  });

  it("are counted by the IPv4 address in an IPv6 one", () => {
    expect(originOf(from("::ffff:192.0.2.1"))).toBe("192.0.2.1");
    expect(originOf(from("::FFFF:192.0.2.1"))).toBe("192.0.2.1");
    expect(originOf(from())).toBe("unix");
  });
});

describe("authentications at once, in whatever order they end,", () => {
  /** The credentials of many callers, and the order in which their verifications end. */
  const scenario = fc.record({
    areGood: fc.array(fc.boolean(), { maxLength: 60 }),
    order: fc.infiniteStream(fc.nat()),
    perMinute: fc.integer({ min: 1, max: 10 }),
  });

  it("are looked at only while each of them may still fail; the others wait", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ areGood, order, perMinute }) => {
        const limit = new FailureLimit({ perMinute, elapsedMs: () => 0 });
        const looking: (() => void)[] = [];
        let failures = 0;
        const settled = Promise.allSettled(
          areGood.map((isGood) =>
            attempt(limit, HERE, async () => {
              await new Promise<void>((resolve) => looking.push(resolve));
              if (!isGood) failures++;
              return isGood ? "somebody" : undefined;
            }),
          ),
        );
        await turns();
        while (looking.length > 0) {
          expect(failures + looking.length).toBeLessThanOrEqual(perMinute);
          const place: number = order.next().value;
          looking.splice(place % looking.length, 1)[0]?.();
          await turns();
        }
        const outcomes = await settled;
        const refused = outcomes.filter(({ status }) => status === "rejected").length;
        expect(failures).toBeLessThanOrEqual(perMinute);
        if (failures < perMinute) expect(refused).toBe(0);
        const bad = areGood.filter((isGood) => !isGood).length;
        if (bad < perMinute) expect([failures, refused]).toEqual([bad, 0]);
      }),
      { numRuns: 300 },
    );
  });

  it("that are never answered give their turn up after ten seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const limit = new FailureLimit({ perMinute: 2, elapsedMs: () => 0 });
    const hung = Promise.allSettled(
      [1, 2].map(() => attempt(limit, HERE, () => new Promise<string>(() => undefined))),
    );
    let isOver = false;
    const next = attempt(limit, HERE, succeed).finally(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(9999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await next).toBe("somebody");
    const unavailable = { reason: { code: "ERR_VAULT_AUTHENTICATION_UNAVAILABLE" } };
    expect(await hung).toMatchObject([unavailable, unavailable]);
  });

  it("leave nothing behind once they have ended, however they do", async () => {
    const limit = new FailureLimit({ perMinute: 2 });
    const away = () => Promise.reject(new Error("away"));
    const outcomes = Array.from({ length: 1000 }, (_, host) =>
      attempt(limit, from(`192.0.2.${host % 250}`), [fail, succeed, away][host % 3] ?? fail),
    );
    expect(limit.size).toBe(250);
    await Promise.allSettled(outcomes);
    expect(limit.size).toBe(0);
  });

  it("of another address do not wait", async () => {
    const limit = new FailureLimit({ perMinute: 1, elapsedMs: () => 0 });
    let letGo: (() => void) | undefined;
    const slow = attempt(limit, HERE, () => new Promise<string>((r) => (letGo = () => r("slow"))));
    expect(await attempt(limit, from("192.0.2.2"), succeed)).toBe("somebody");
    letGo?.();
    expect(await slow).toBe("slow");
  });
});

/** Runs all work that is ready. */
function turns(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

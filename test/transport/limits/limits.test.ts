import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { ConnectionLimit, InFlightLimit, RateLimit } from "../../../src/transport/limits/limits.js";

it("a rate remembers a bounded number of keys", () => {
  const rate = new RateLimit({ perMinute: 1 });
  for (let key = 0; key < 20_000; key++) rate.count(String(key));
  expect(rate.size).toBe(10_000);
  expect(rate.retryAfterSeconds("19999")).toBeGreaterThan(0);
});

describe("requests in flight", () => {
  it("are refused above the limit until one has ended, which counts once", () => {
    const limit = new InFlightLimit(2);
    const leave = limit.enter();
    limit.enter();
    expect(limit.enter()).toBeUndefined();
    leave?.();
    leave?.();
    expect(limit.count).toBe(1);
    expect(limit.enter()).toBeDefined();
    expect(limit.enter()).toBeUndefined();
  });

  it("are waited for", async () => {
    const limit = new InFlightLimit(2);
    await limit.idle();
    const leave = limit.enter();
    let isIdle = false;
    const idle = limit.idle().then(() => {
      isIdle = true;
    });
    await Promise.resolve();
    expect(isIdle).toBe(false);
    leave?.();
    await idle;
    expect(isIdle).toBe(true);
  });
});

describe("connections", () => {
  const newSocket = () => new Duplex({ read() {} }) as Socket;
  const closed = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));

  it("give way, the oldest unauthenticated one first", async () => {
    const limit = new ConnectionLimit(2);
    const [proven, idle, third, fourth] = [newSocket(), newSocket(), newSocket(), newSocket()];
    limit.admit(proven);
    limit.authenticated(proven);
    limit.admit(idle);
    limit.admit(third);
    await closed(idle);
    expect([proven.destroyed, third.destroyed]).toEqual([false, false]);
    limit.authenticated(third);
    limit.admit(fourth);
    await closed(fourth);
    expect([proven.destroyed, third.destroyed, limit.count]).toEqual([false, false, 2]);
  });

  it("make room when they close", async () => {
    const limit = new ConnectionLimit(1);
    const first = newSocket();
    limit.admit(first);
    first.destroy();
    await closed(first);
    expect(limit.count).toBe(0);
    limit.admit(newSocket());
    limit.destroyAll();
    expect(limit.count).toBe(1);
  });
});

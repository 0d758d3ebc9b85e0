/** Orchestrators can find out whether a service can reach its cache, and nothing else. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSqliteCache } from "../../../src/cache/sqlite.js";
import { generateKey, HandleVault, KeyRing, memoryCache } from "../../../src/index.js";
import { Readiness } from "../../../src/transport/rest/readiness.js";
import { CacheUnavailableError, HandleNotFoundError } from "../../../src/vault/errors.js";
import { ask, serve } from "./support.js";

/** A vault whose probes the test settles, and a clock that the test sets. */
function scene(deadlineMs = 60_000) {
  const probes: PromiseWithResolvers<string>[] = [];
  const clock = { ms: 0 };
  const vault = {
    getSafeView: () => {
      const probe = withResolvers<string>();
      probes.push(probe);
      return probe.promise;
    },
  };
  const readiness = new Readiness(vault, { elapsedMs: () => clock.ms, deadlineMs });
  const settle = (error: Error) => probes.at(-1)?.reject(error);
  return { readiness, probes, clock, settle };
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  reject(error: Error): void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((_, fail) => {
    reject = fail;
  });
  return { promise, reject };
}

describe("a probe", () => {
  it("is shared by all requests that arrive while it runs", async () => {
    const { readiness, probes, clock, settle } = scene();
    const first = readiness.isReady();
    clock.ms = 5000;
    const second = readiness.isReady();
    settle(new HandleNotFoundError());
    expect(await Promise.all([first, second])).toEqual([true, true]);
    expect(probes).toHaveLength(1);
  });

  it("counts for a second", async () => {
    const { readiness, probes, clock, settle } = scene();
    const asked = readiness.isReady();
    settle(new CacheUnavailableError());
    expect(await asked).toBe(false);
    clock.ms = 999;
    expect(await readiness.isReady()).toBe(false);
    expect(probes).toHaveLength(1);
    clock.ms = 1000;
    const again = readiness.isReady();
    settle(new HandleNotFoundError());
    expect(await again).toBe(true);
    expect(probes).toHaveLength(2);
  });

  it("that does not come back is not sent again", async () => {
    const { readiness, probes, clock, settle } = scene(1);
    expect(await readiness.isReady()).toBe(false);
    clock.ms = 1000;
    expect(await readiness.isReady()).toBe(false);
    expect(probes).toHaveLength(1);
    settle(new HandleNotFoundError());
    await new Promise((turn) => setImmediate(turn));
    clock.ms = 2000;
    const again = readiness.isReady();
    settle(new HandleNotFoundError());
    expect(await again).toBe(true);
    expect(probes).toHaveLength(2);
  });
});

describe("GET /health/ready", () => {
  it("is 200 for anyone while the cache answers, and 503 without detail when it does not", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hv-ready-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const cache = await openSqliteCache(join(folder, "handles.db"));
    const keys = KeyRing.from({ current: "k", keys: { k: generateKey() } });
    const server = await serve({}, new HandleVault({ cache, keys }));
    const ready = await ask(server, "GET /health/ready", {});
    expect([ready.status, ready.body]).toEqual([200, { status: "ready" }]);

    const closed = await openSqliteCache(join(folder, "others.db"));
    const other = await serve({}, new HandleVault({ cache: closed, keys }));
    await closed.close();
    const refused = await ask(other, "GET /health/ready", {});
    expect(refused.status).toBe(503);
    expect(refused.body).toEqual({
      error: expect.any(String),
      code: "ERR_VAULT_SERVICE_UNAVAILABLE",
      request_id: expect.any(String),
    });
    expect((await ask(other, "GET /health", {})).status).toBe(200);
  });

  it("takes no other method", async () => {
    const server = await serve();
    const refused = await ask(server, "POST /health/ready", { json: {} });
    expect([refused.status, refused.headers.allow]).toEqual([405, "GET"]);
  });

  it("asks the cache once for a thousand requests", async () => {
    const cache = memoryCache();
    let reads = 0;
    const get = cache.get.bind(cache);
    cache.get = (...args) => {
      reads++;
      return get(...args);
    };
    const server = await serve({ maxInFlight: 2000 }, new HandleVault({ cache }));
    for (let asked = 0; asked < 20; asked++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => ask(server, "GET /health/ready", {})),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
    // There are more only if a second passes between them.
    expect(reads).toBeLessThan(100);
  });
});

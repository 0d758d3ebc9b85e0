/** A thousand idle or slow connections take nothing from those who are served. */
import { describe, expect, it, vi } from "vitest";
import { VaultClient } from "../../src/client.js";
import type { Vault } from "../../src/index.js";
import { inBatches } from "../support/in-batches.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { CrowdReport, CrowdTask } from "./children/crowd.js";
import type { ServeTask } from "./children/serve.js";

const TOKEN = "a-token-of-at-least-thirty-two-characters";
const CROWD = 1000;
const ROUNDS = 5;
const REQUESTS = 600;
const WARM_UP = 50;
const IN_FLIGHT = 8;

const WIRES = [
  {
    wire: "http",
    client: (port: number) => VaultClient.http(`http://127.0.0.1:${port}`, { token: TOKEN }),
  },
  {
    wire: "json-rpc",
    client: (port: number) => VaultClient.socket({ port }, { token: TOKEN }),
  },
  {
    wire: "xml-rpc",
    client: (port: number) => VaultClient.rpc(`http://127.0.0.1:${port}`, { token: TOKEN }),
  },
] as const;

/** Seals and opens handles over new connections, and returns the 99th percentile in milliseconds. */
async function p99(vault: Vault): Promise<number> {
  const times: number[] = [];
  const timed = async <T>(call: Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await call;
    times.push(performance.now() - start);
    return result;
  };
  const sealAndOpen = async (): Promise<void> => {
    const { id } = await timed(vault.seal("4711", sealOptions()));
    await timed(vault.unseal(id, OWNER));
  };
  await inBatches(WARM_UP, IN_FLIGHT, sealAndOpen);
  times.length = 0;
  await inBatches(REQUESTS / 2, IN_FLIGHT, sealAndOpen);
  await vault.close();
  return times.toSorted((a, b) => a - b)[Math.floor(REQUESTS * 0.99)] ?? Number.NaN;
}

/** Returns the last line of a child once it has printed so many. */
async function line<T>(child: Child, count: number): Promise<T> {
  await child.hasPrinted(count);
  return JSON.parse(child.lines[count - 1] ?? "null") as T;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** How fast it is depends on the machine, too: that is for `npm run durability`, on one that is at rest. */
const isTimed = process.env["LONG_DRILLS"] === "true";
const HOW_FAST = isTimed ? ", 99 of 100 in less than twice the time" : "";

/** What is measured alone and what in the crowd take turns. */
vi.setConfig({ testTimeout: 240_000 });

describe.each(WIRES)("with a thousand idle and slow connections, $wire", ({ wire, client }) => {
  it(`serves requests while the oldest give way${HOW_FAST}`, async () => {
    const serving: ServeTask = { wire, token: TOKEN, principal: OWNER, maxConnections: CROWD };
    const server = new Child("serve.ts", serving);
    const { port } = await line<{ port: number }>(server, 1);
    const crowding: CrowdTask = { wire, port, size: CROWD };
    const crowd = new Child("crowd.ts", crowding);
    const alone: number[] = [];
    const crowded: number[] = [];
    try {
      for (let round = 0; round < ROUNDS; round++) {
        alone.push(await p99(client(port)));
        crowd.say("come");
        await crowd.hasPrinted(2 * round + 1);
        crowded.push(await p99(client(port)));
        crowd.say("leave");
        const { gaveWay, present } = await line<CrowdReport>(crowd, 2 * round + 2);
        expect(present).toBeGreaterThan(CROWD - 2 * IN_FLIGHT);
        expect(gaveWay.length).toBeGreaterThan(0);
        expect(new Set(gaveWay)).toEqual(new Set(gaveWay.keys()));
      }
      if (isTimed) expect(median(crowded)).toBeLessThan(2 * median(alone));
    } finally {
      await crowd.kill();
      await server.kill();
    }
  });
});

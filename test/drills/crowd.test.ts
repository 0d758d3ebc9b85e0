/** A thousand idle or slow connections do not slow down authenticated requests. */
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
const IN_FLIGHT = 8;

const WIRES = [
  {
    wire: "http",
    client: (port: number) => VaultClient.http(`http://127.0.0.1:${port}`, { token: TOKEN }),
  },
  {
    wire: "json-rpc",
    client: (port: number) => VaultClient.jsonRpc({ port }, { token: TOKEN }),
  },
  {
    wire: "xml-rpc",
    client: (port: number) => VaultClient.xmlRpc(`http://127.0.0.1:${port}`, { token: TOKEN }),
  },
] as const;

/** Seals and opens handles over new connections. */
async function serve(vault: Vault): Promise<void> {
  await inBatches(REQUESTS / 2, IN_FLIGHT, async () => {
    const { id } = await vault.seal("4711", sealOptions());
    await vault.unseal(id, OWNER);
  });
  await vault.close();
}

/** Waits until a child has printed a number of lines, and returns the last one. */
async function line<T>(child: Child, count: number): Promise<T> {
  await child.hasPrinted(count);
  return JSON.parse(child.lines[count - 1] ?? "null") as T;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * The tests measure the server's processor time: unlike the duration of a request, it does not depend on the
 * machine's load.
 */
vi.setConfig({ testTimeout: 240_000 });

describe.each(WIRES)("with a thousand idle and slow connections, $wire", ({ wire, client }) => {
  it("serves requests in less than twice the processor time, and closes the oldest connections", async () => {
    const serving: ServeTask = { wire, token: TOKEN, principal: OWNER, maxConnections: CROWD };
    const server = new Child("serve.ts", serving);
    const { port } = await line<{ port: number }>(server, 1);
    let asked = 1;
    const processorMicros = () => {
      server.say("processor time");
      return line<number>(server, ++asked);
    };
    /** Returns the server's processor time for requests. */
    const taken = async (): Promise<number> => {
      const before = await processorMicros();
      await serve(client(port));
      return (await processorMicros()) - before;
    };
    await serve(client(port));
    const crowding: CrowdTask = { wire, port, size: CROWD };
    const crowd = new Child("crowd.ts", crowding);
    const alone: number[] = [];
    const crowded: number[] = [];
    try {
      for (let round = 0; round < ROUNDS; round++) {
        alone.push(await taken());
        crowd.say("come");
        await crowd.hasPrinted(2 * round + 1);
        crowded.push(await taken());
        crowd.say("leave");
        const { gaveWay, present } = await line<CrowdReport>(crowd, 2 * round + 2);
        expect(present).toBeGreaterThan(CROWD - 2 * IN_FLIGHT);
        expect(gaveWay.length).toBeGreaterThan(0);
        expect(new Set(gaveWay)).toEqual(new Set(gaveWay.keys()));
      }
      expect(median(crowded)).toBeLessThan(2 * median(alone));
    } finally {
      await crowd.kill();
      await server.kill();
    }
  });
});

import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Server } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRedisCache } from "../../src/cache/redis.js";
import type { CacheBackend } from "../../src/index.js";
import { missingServer, type RespServer, startRespServer } from "../support/servers/resp-server.js";

const missing = missingServer("redis");
const LONG = { purgeAfterMs: 60_000 } as const;
const [HEAD, BODY] = [Buffer.from("head"), Buffer.from("body")];
const COMMAND_START = /(?<=\r\n)(?=\*\d+\r\n)/;

describe.skipIf(missing !== undefined)(
  missing ?? "what others do between two commands of an insert with a body",
  () => {
    let server: RespServer;
    let proxy: Server;
    let [cache, rival] = [] as unknown as [CacheBackend, CacheBackend];
    let plain: Redis;
    let between: (() => Promise<unknown>) | undefined;
    let interruptions = 0;

    beforeAll(async () => {
      server = await startRespServer("redis");
      proxy = createServer((client) => {
        const upstream = createConnection({ port: server.port, host: server.host });
        for (const socket of [client, upstream]) socket.on("error", () => undefined);
        upstream.pipe(client);
        client.on("close", () => upstream.destroy());
        client.on("data", async (chunk) => {
          if (between === undefined) return upstream.write(chunk);
          // Commands are sent separately, so that the server executes commands of others in between.
          for (const command of chunk.toString("latin1").split(COMMAND_START)) {
            const reply = once(upstream, "data");
            upstream.write(command, "latin1");
            await reply;
            interruptions += 1;
            await between();
          }
          return true;
        });
      });
      await once(proxy.listen(0, server.host), "listening");
      cache = await openRedisCache({ port: (proxy.address() as AddressInfo).port });
      rival = await openRedisCache({ port: server.port });
      plain = new Redis({ port: server.port });
    });

    afterAll(async () => {
      await cache.close();
      await rival.close();
      plain.disconnect();
      proxy.close();
      await server.stop();
    });

    /** Returns the result of the insert, with `work` done after each command but the last. */
    async function insertAround(key: string, work: () => Promise<unknown>) {
      interruptions = 0;
      between = async () => {
        if (interruptions < 4) await work();
      };
      const outcome = await cache.insert(key, { head: HEAD, body: BODY }, LONG);
      between = undefined;
      expect(interruptions).toBe(4);
      return outcome;
    }

    it("a deletion removes no part of a record that was inserted after it", async () => {
      expect(await insertAround("deleted", async () => rival.delete("deleted"))).toBe("inserted");
      expect(await rival.get("deleted")).toMatchObject({ head: HEAD, hasBody: true });
      expect(await rival.getBody("deleted")).toEqual(BODY);
    });

    it("another insert wins with its own body, and this one returns exists", async () => {
      const other = { head: BODY, body: HEAD };
      expect(await insertAround("taken", async () => rival.insert("taken", other, LONG))).toBe(
        "exists",
      );
      expect(await rival.get("taken")).toMatchObject({ head: BODY, hasBody: true });
      expect(await rival.getBody("taken")).toEqual(HEAD);
    });

    it("a reader never sees one part without the other", async () => {
      const seen = new Set<number>();
      const look = async () => seen.add(await plain.exists("hv:{read}", "hv:{read}:b"));
      expect(await insertAround("read", look)).toBe("inserted");
      expect([...seen]).toEqual([0]);
      expect(await plain.exists("hv:{read}", "hv:{read}:b")).toBe(2);
    });
  },
);

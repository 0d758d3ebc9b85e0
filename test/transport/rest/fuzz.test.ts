import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { readHandlerOptions } from "../../../src/transport/http/server/options.js";
import { httpHandler } from "../../../src/transport/http.js";
import { RestResponder } from "../../../src/transport/rest/responder.js";
import { forgetfulVault, usedBytes } from "../../support/memory.js";
import {
  exchanged,
  forbidUnhandledRejections,
  LAST_REQUEST,
  requestBytes,
  seeded,
  statusesIn,
} from "../fuzzing.js";
import { ask, LOCAL, serve } from "./support.js";

const TARGETS = [
  "/handles",
  "/handles/x/unseal",
  "/handles/x/grants",
  "/batch/seal",
  "/batch/unseal",
];
const SEEDS = [
  '{"data":{"a":[1,2.5,"x"]},"safe_view":"s","owner_principal":"o","ttl_seconds":5}',
  '{"requests":[{"data":1,"safe_view":"s","owner_principal":"o"},{"id":"x"}]}',
  '{"principal":"p","by":"o","__proto__":{"by":"x"},"constructor":{"prototype":{}}}',
  '{"data":"AAEC","data_encoding":"base64","safe_view":"\\ud800","owner_principal":"\\u0000"}',
  `{"data":${"[".repeat(60)}1e308${"]".repeat(60)},"granted_principals":["a","b"]}`,
];
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ",",
  ":",
  "\\",
  "null",
  "-",
  "1e999",
  "9".repeat(20),
  "\u0000",
];
const WITH_STREAM = 2000;
const BODIES = 20_000;
const BODIES_TO_A_SERVER = 80_000;
const A_CONNECTION = 250;
/** When memory is first measured, and how much it may have grown at the end: 65 bytes a body. */
const SETTLED = BODIES / 5;
const MAX_GROWTH = 2 ** 20;
/** Machines are shared, so only the end of the run counts, not its duration. */
const PATIENCE_MS = 240_000;
forbidUnhandledRejections();

const CONNECTION = { remoteAddress: "127.0.0.1", isLocal: true };

function malformed(random: (bound: number) => number): string {
  let text = SEEDS[random(SEEDS.length)] ?? "";
  for (let change = random(4); change >= 0; change--) {
    const from = random(text.length + 1);
    const removed = random(3) === 0 ? random(20) : 0;
    text = text.slice(0, from) + (PIECES[random(PIECES.length)] ?? "") + text.slice(from + removed);
  }
  return text;
}

it(
  "20,000 malformed bodies get an answer each, never a fault of the service, and leave nothing in memory",
  async () => {
    const random = seeded(8421);
    const options = { auth: LOCAL, failedAuthenticationsPerMinute: "unlimited" } as const;
    const answers = new RestResponder(await forgetfulVault(), readHandlerOptions(options));
    const statuses = new Map<number, number>();
    const headers = { host: "localhost", "content-type": "application/json" };
    let settledBytes = 0;
    for (let body = 0; body < BODIES; body++) {
      if (body === SETTLED) settledBytes = usedBytes();
      const text = malformed(random);
      const header = (name: string) => headers[name as keyof typeof headers];
      const { status } = await answers.respond({
        ...{ method: "POST", path: TARGETS[random(TARGETS.length)] ?? "", bodyUsed: false },
        ...{ connection: CONNECTION, header, single: header },
        readBody: async () => Buffer.from(text),
      });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    expect(statuses.get(400)).toBeGreaterThan(BODIES / 2);
    expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
  },
  PATIENCE_MS,
);

it(
  "80,000 malformed requests over sockets get an answer each or end their connection, and leave a server that serves",
  async () => {
    const random = seeded(8422);
    const server = await serve(
      {
        ...{ auth: LOCAL, failedAuthenticationsPerMinute: "unlimited" },
        ...{ maxInFlight: 2 * A_CONNECTION, requestTimeoutMs: 1000 },
      },
      await forgetfulVault(),
    );
    const { port } = server.address as { readonly port: number };
    const statuses: number[] = [];
    let settledBytes = 0;
    for (let sent = 0; sent < BODIES_TO_A_SERVER; sent += A_CONNECTION) {
      if (sent === BODIES_TO_A_SERVER / 2) settledBytes = usedBytes();
      const burst = Array.from({ length: A_CONNECTION }, () => {
        const path = TARGETS[random(TARGETS.length)] ?? "";
        const body = Buffer.from(malformed(random));
        if (random(4) === 0) body[random(body.length)] = random(256);
        return requestBytes({ path, type: "application/json", body }, random);
      });
      statuses.push(...statusesIn(await exchanged(port, Buffer.concat([...burst, LAST_REQUEST]))));
    }
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    // Invalid HTTP loses only the few requests after it, so nearly all of them were processed.
    expect(statuses.length).toBeGreaterThan(BODIES_TO_A_SERVER / 2);
    expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
    expect((await ask(server, "GET /health")).body).toEqual({ status: "ok" });
  },
  PATIENCE_MS,
);

it("malformed bytes get an answer each, however they are cut into chunks", async () => {
  const random = seeded(1);
  const handler = httpHandler(new HandleVault(), { auth: LOCAL });
  for (let body = 0; body < WITH_STREAM; body++) {
    const bytes = Buffer.from(malformed(random));
    const at = random(bytes.length);
    if (random(2) === 0) bytes[at] = random(256);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.subarray(0, at));
        controller.enqueue(bytes.subarray(at));
        controller.close();
      },
    });
    const request = new Request(`http://localhost${TARGETS[random(TARGETS.length)]}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: stream,
      duplex: "half",
    });
    expect((await handler(request, CONNECTION)).status).toBeLessThan(500);
  }
});

import { Buffer } from "node:buffer";
import { expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { RestAnswers } from "../../../src/transport/http/answering.js";
import { httpHandler } from "../../../src/transport/http.js";
import { readHandlerOptions } from "../../../src/transport/http-server/options.js";
import { forgetfulVault, usedBytes } from "../../support/memory.js";
import { LOCAL } from "./support.js";

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
const BODIES = 100_000;
/** When memory is looked at first, and by how much it may have grown at the end: 13 bytes a body. */
const SETTLED = BODIES / 5;
const MAX_GROWTH = 2 ** 20;
/** Machines are shared: that it ends is what counts. */
const PATIENCE_MS = 240_000;
const CONNECTION = { remoteAddress: "127.0.0.1", isLocal: true };

/** Mulberry32: the same bodies in every run. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

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
  "100,000 malformed bodies get an answer each, never a fault of the service, and leave nothing in memory",
  async () => {
    const random = randomFrom(8421);
    const options = { auth: LOCAL, failedAuthenticationsPerMinute: "unlimited" } as const;
    const answers = new RestAnswers(
      await forgetfulVault(),
      readHandlerOptions(options, new Set(Object.keys(options))),
    );
    const statuses = new Map<number, number>();
    const headers = { host: "localhost", "content-type": "application/json" };
    let settledBytes = 0;
    for (let body = 0; body < BODIES; body++) {
      if (body === SETTLED) settledBytes = usedBytes();
      const text = malformed(random);
      const header = (name: string) => headers[name as keyof typeof headers];
      const { status } = await answers.answer({
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

it("malformed bytes get an answer each, however they are cut into chunks", async () => {
  const random = randomFrom(1);
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

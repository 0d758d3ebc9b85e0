import { afterEach, describe, expect, it } from "vitest";
import {
  FrameDecoder,
  FrameTooLargeError,
  frameOf,
} from "../../../src/transport/json-rpc/frames.js";
import {
  errorResponse,
  methodNotFound,
  type Perform,
  RpcFault,
  readFrame,
  respondToMessage,
} from "../../../src/transport/json-rpc/messages.js";
import { forgetfulVault, usedBytes } from "../../support/memory.js";
import { forbidUnhandledRejections, seeded } from "../fuzzing.js";
import { type Answer, RawPeer } from "./raw-peer.js";
import { type Scene, scene, sealParams } from "./scene.js";

const FRAMES = 20_000;
const FRAMES_TO_A_SERVER = 80_000;
const A_CONNECTION = 100;
/** When memory is first measured, and how much it may have grown at the end: 65 bytes a frame. */
const SETTLED = FRAMES / 5;
const MAX_GROWTH = 2 ** 20;
/** Machines are shared, so only the end of the run counts, not its duration. */
const PATIENCE_MS = 220_000;
const SERVER_SETTLED = FRAMES_TO_A_SERVER / 2;

const SEEDS = [
  { jsonrpc: "2.0", method: "unseal", params: { id: `hdl_${"0".repeat(32)}` }, id: 1 },
  { method: "vault.seal", params: sealParams({ data: { __proto__: [1, 2.5, null] } }), id: "a" },
  [
    { method: "health", id: null },
    { method: "grant", params: ["hdl_0", "x"], id: 2 },
  ],
  {
    method: "authenticate",
    params: { token: "records-token" },
    id: 3,
    authorization: "agent-token",
  },
].map((message) => frameOf(JSON.stringify(message)));

const TOKENS = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "null",
  "1e999",
  "-0",
  "\\u0000",
  "\ud800",
  '"id"',
];

/** Returns a frame with an error in it, or by chance none. */
function mutated(random: (below: number) => number): Buffer {
  // Credentials are rare: three wrong ones would close the connection.
  const seed = random(20) === 0 ? SEEDS.length - 1 : random(SEEDS.length - 1);
  const frame = Buffer.from(SEEDS[seed] ?? []);
  const kind = random(300);
  const at = 4 + random(frame.length - 4);
  if (kind < 120) frame[at] = random(256);
  else if (kind < 210) {
    const token = Buffer.from(TOKENS[random(TOKENS.length)] ?? "");
    return frameOf(
      Buffer.concat([frame.subarray(4, at), token, frame.subarray(at)]).toString("latin1"),
    );
  } else if (kind < 298) return frameOf(frame.subarray(4, at).toString("latin1"));
  else if (kind === 298) frame[random(4)] = random(256);
  else return frame.subarray(0, at);
  return frame;
}

/** Returns the response to the first frame, if the frame is complete and gets one. */
async function answerTo(decoder: FrameDecoder, perform: Perform): Promise<string | undefined> {
  try {
    const frame = decoder.next();
    return frame === undefined ? undefined : await respondToMessage(readFrame(frame), perform);
  } catch (error) {
    if (!(error instanceof RpcFault || error instanceof FrameTooLargeError)) throw error;
    return errorResponse(error, null);
  }
}

forbidUnhandledRejections();
const scenes: Scene[] = [];
afterEach(async () => {
  for (const made of scenes.splice(0)) await made[Symbol.asyncDispose]();
});

describe("a hundred thousand malformed frames", () => {
  it(
    "are each answered with JSON-RPC or not at all, and leave nothing in memory",
    async () => {
      const random = seeded(1);
      const perform = (): Promise<unknown> => Promise.reject(methodNotFound());
      let answers = 0;
      let settledBytes = 0;
      for (let count = 0; count < FRAMES; count++) {
        if (count === SETTLED) settledBytes = usedBytes();
        const decoder = new FrameDecoder({ maxFrameBytes: 1000 });
        decoder.push(mutated(random));
        const text = await answerTo(decoder, perform);
        if (text === undefined) continue;
        const answer: unknown = JSON.parse(text);
        for (const { jsonrpc, error } of (Array.isArray(answer) ? answer : [answer]) as Answer[]) {
          if ((jsonrpc ?? "2.0") !== "2.0" || error === undefined) throw new Error("not an answer");
          answers++;
        }
      }
      expect(answers).toBeGreaterThan(FRAMES / 2);
      expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
    },
    PATIENCE_MS,
  );

  it(
    "end in answers and closed connections, in bounded time and memory",
    async () => {
      const random = seeded(8423);
      const made = await scene({
        vault: await forgetfulVault(),
        failedAuthenticationsPerMinute: 1e9,
      });
      scenes.push(made);
      let settledBytes = 0;
      let answers = 0;
      for (let sent = 0; sent < FRAMES_TO_A_SERVER; sent += A_CONNECTION) {
        if (sent === SERVER_SETTLED) settledBytes = usedBytes();
        const raw = await RawPeer.to(made.server.address);
        raw.send({ method: "authenticate", params: { token: "records-token" }, id: 0 });
        const burst = Array.from({ length: A_CONNECTION }, () => mutated(random));
        raw.socket.end(Buffer.concat(burst));
        answers += (await raw.rest()).length;
      }
      // A wrong length loses only the few frames after it, so nearly all of them were processed.
      expect(answers).toBeGreaterThan(FRAMES_TO_A_SERVER / 2);
      expect(usedBytes() - settledBytes).toBeLessThan(MAX_GROWTH);
      const peer = await made.peerAs("records-token");
      expect((await peer.ask("health")).result).toEqual({ status: "ok" });
    },
    PATIENCE_MS,
  );
});

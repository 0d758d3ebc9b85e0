/** However clients behave and disconnect, at the end the counters are zero. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { ServerConnection } from "../../../src/transport/json-rpc/connection.js";
import { frameOf } from "../../../src/transport/json-rpc/frames.js";
import { LIMITS } from "../../../src/transport/json-rpc/rpc-limits.js";
import { ByteBudget } from "../../../src/transport/limits/byte-budget.js";
import { FailureLimit } from "../../../src/transport/limits/failure-limit.js";
import { NotBegun } from "../../../src/transport/limits/not-started.js";
import { ErrorReports } from "../../../src/transport/service/error-reports.js";
import { VaultService } from "../../../src/transport/service/service.js";
import { readOptions } from "../../../src/vault/options.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { forbidUnhandledRejections, seeded } from "../fuzzing.js";

forbidUnhandledRejections();

const PEERS = 400;
const AT_ONCE = 40;
const GIVEN = {
  ...{ maxFrameBytes: 200_000, maxBufferedBytes: 400_000, maxUnsentBytes: 50_000 },
  ...{ maxInFlightPerConnection: 5, maxInFlight: 20, frameTimeoutMs: 300 },
};
const BOUNDS = readOptions(GIVEN, LIMITS);

/** Serves a vault with counters that the test can read. */
async function counted() {
  const vault = new HandleVault();
  const { id } = await vault.seal("x".repeat(150_000), sealOptions());
  const bytes = new ByteBudget(BOUNDS.maxBufferedBytes);
  const requests = new ByteBudget(BOUNDS.maxInFlight - 1);
  const context = {
    ...{ limits: BOUNDS, bytes, requests, rate: undefined, onAuthenticated: () => undefined },
    service: new VaultService(vault),
    auth: { authenticate: () => ({ principal: OWNER }) },
    failures: new FailureLimit({ perMinute: 1e6 }),
    reports: new ErrorReports(),
    notBegun: new NotBegun(),
  };
  let open = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open++;
    socket.once("close", () => open--);
    void new ServerConnection(socket, context).start();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as { readonly port: number };
  return { id, port, bytes, requests, open: () => open };
}

it("400 clients that send too much, receive nothing or disconnect early leave every counter at zero", async () => {
  const random = seeded(1);
  const { id, port, bytes, requests, open } = await counted();
  const unseal = { jsonrpc: "2.0", method: "unseal", params: [id], id: 1 };
  const seal = (): Buffer => {
    const params = { data: "y".repeat(random(180_000)), safe_view: "v" };
    return frameOf(JSON.stringify({ jsonrpc: "2.0", method: "seal", params, id: 2 }));
  };
  const messages = [
    seal,
    () => frameOf(JSON.stringify(unseal)),
    () => frameOf(JSON.stringify(Array(10).fill(unseal))),
    () => seal().subarray(0, random(100_000)),
    () => frameOf("{"),
  ];
  const rude = async (): Promise<void> => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    if (random(2) === 0) socket.pause();
    else socket.resume();
    const said = Array.from({ length: 1 + random(6) }, () => messages[random(5)]?.() ?? seal());
    socket.write(Buffer.concat(said).subarray(0, random(3) === 0 ? random(100_000) : undefined));
    await pause(random(100));
    if (random(3) === 0) socket.end();
    if (random(2) === 0) socket.resetAndDestroy();
    await pause(random(100));
    socket.destroy();
  };
  for (let met = 0; met < PEERS; met += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, rude));
  }
  const counters = () => [open(), bytes.used, requests.used, bytes.isOverdrawn];
  await expect.poll(counters, { timeout: 60_000 }).toEqual([0, 0, 0, false]);
});

import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { ask, LOCAL, sendRaw, serve, TOKENS } from "./support.js";

const folder = mkdtempSync(join(tmpdir(), "hv-life-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A test that waits for one of these limits fails by its own time limit first. */
const NEVER = {
  ...{ idleTimeoutMs: 3_600_000, headersTimeoutMs: 3_600_000 },
  ...{ requestTimeoutMs: 3_600_000, stopTimeoutMs: 3_600_000 },
};

/** A vault whose safe views wait until the test releases them. */
function slowVault() {
  const waiting: (() => void)[] = [];
  const vault = new HandleVault();
  vault.getSafeView = () => new Promise((resolve) => waiting.push(() => resolve("late")));
  const asked = async () => {
    while (waiting.length === 0) await new Promise(setImmediate);
  };
  const letGo = () => {
    for (const finish of waiting) finish();
  };
  return { vault, asked, letGo };
}

describe("a server that stops", () => {
  it("finishes requests in flight, and accepts no new ones", async () => {
    const { vault, asked, letGo } = slowVault();
    const server = await serve({}, vault);
    const inFlight = ask(server, "GET /handles/x/safe_view", { token: "owner" });
    await asked();
    const stopped = server.stop();
    expect(server.stop()).toBe(stopped);
    // A request at the same moment gets a response; afterwards the server no longer listens.
    expect((await ask(server, "GET /health")).status).toBe(503);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    await expect(ask(server, "GET /health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    letGo();
    const { status, body, headers } = await inFlight;
    expect([status, body]).toEqual([200, { safe_view: "late" }]);
    expect(headers.connection).toBe("close");
    await stopped;
  });

  it("performs no later request on a connection that still waits for a response", async () => {
    const { vault, asked, letGo } = slowVault();
    let sealed = 0;
    vault.seal = () => {
      sealed++;
      return Promise.reject(new Error("nobody is to seal"));
    };
    const server = await serve({ auth: LOCAL }, vault);
    const socket = connect(server.address as { port: number; host: string });
    let answer = "";
    socket.on("data", (part) => {
      answer += String(part);
    });
    const closed = once(socket, "close");
    socket.write("GET /handles/x/safe_view HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await asked();
    const stopped = server.stop();
    const body = JSON.stringify({ data: 1, safe_view: "v", owner_principal: OWNER });
    const head = "POST /handles HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    // On the loopback interface, data sent earlier is read before data of a later connection.
    const { port } = server.address;
    const late = await ask({ address: { host: "127.0.0.1", port: port ?? 0 } }, "GET /health");
    expect(late.status).toBe(503);
    letGo();
    await Promise.all([closed, stopped]);
    expect(sealed).toBe(0);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("closes connections that do nothing at once", async () => {
    const server = await serve(NEVER);
    const idle = sendRaw(server, ["GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    const silent = sendRaw(server, []);
    const half = sendRaw(server, ["GET /hea"]);
    await ask(server, "GET /health");
    await server.stop();
    await Promise.all([idle, silent, half]);
  });

  it("leaves the vault open, and removes its socket", async () => {
    const vault = new HandleVault();
    const path = join(folder, "vault.sock");
    for (const _ of [1, 2]) {
      const server = await serve({ path }, vault);
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
      expect((await ask(server, "GET /health", { headers: { host: "any.example" } })).status).toBe(
        200,
      );
      await server.stop();
      expect(existsSync(path)).toBe(false);
    }
    const { id } = await vault.seal("secret", sealOptions());
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });
});

it("a client that goes away before its answer does no harm", async () => {
  const { vault, asked, letGo } = slowVault();
  const server = await serve({ auth: LOCAL }, vault);
  const socket = connect(server.address as { port: number });
  socket.write("GET /handles/x/safe_view HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await asked();
  socket.resetAndDestroy();
  await new Promise(setImmediate);
  letGo();
  expect((await ask(server, "GET /health")).status).toBe(200);
  await server.stop();
});

it("no option is taken that is unknown or out of its bounds", async () => {
  const vault = new HandleVault();
  const wrong = [{ nonsense: 1 }, { publicSafeViews: "no" }, { allowedHosts: "x" }, { tls: true }];
  for (const options of [
    ...wrong,
    { basePath: "vault" },
    { gatewayPrincipals: "x" },
    { port: "1" },
  ]) {
    const all = { auth: TOKENS, port: 0, ...options };
    await expect(serveHttp(vault, all as never)).rejects.toThrow(TypeError);
  }
  const numbers = ["maxBodyBytes", "maxInFlight", "maxConnections", "requestsPerMinute"];
  const timeouts = ["headersTimeoutMs", "requestTimeoutMs", "idleTimeoutMs"];
  for (const name of [...numbers, ...timeouts, "failedAuthenticationsPerMinute"]) {
    for (const value of [0, -1, 1.5, Number.POSITIVE_INFINITY]) {
      const all = { auth: TOKENS, port: 0, [name]: value };
      await expect(serveHttp(vault, all as never)).rejects.toThrow(RangeError);
    }
  }
});

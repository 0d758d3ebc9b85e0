/** The bytes that an HTTP server holds at once while it reads and responds, with real sockets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { trustLocalCallers } from "../../../../src/auth/local.js";
import { HandleVault } from "../../../../src/index.js";
import type { HttpServerOptions } from "../../../../src/transport/http/server/server-options.js";
import { serveHttp } from "../../../../src/transport/http.js";
import { writeMethodCall } from "../../../../src/transport/xml-rpc/call.js";
import { serveXmlRpc } from "../../../../src/transport/xml-rpc.js";
import { OWNER, sealOptions } from "../../../support/vault.js";

const CAP = 200_000;
const LIMITS = { maxBodyBytes: CAP, maxBufferedBytes: CAP };
/** A test that waits for one of these limits fails by its own time limit first. */
const PATIENT = { requestTimeoutMs: 3_600_000, stopTimeoutMs: 3_600_000 };
const OPENING = { maxBodyBytes: 1000, maxBufferedBytes: 10_000_000 };
/** Larger than the socket buffers of both ends together. */
const LARGE = 9_000_000;

interface Message {
  readonly path: string;
  readonly body: string;
}

/** A client that has sent all but the last byte of a body. */
interface Holder {
  readonly socket: Socket;
  readonly rest: string;
  readonly closed: Promise<unknown>;
}

const json = (path: string, body: object): Message => ({ path, body: JSON.stringify(body) });
const xml = (method: string, ...params: unknown[]): Message => ({
  path: "/RPC2",
  body: writeMethodCall({ method, params }),
});

const WIRES = {
  http: {
    serve: serveHttp,
    type: "application/json",
    seal: (bytes: number) =>
      json("/handles", { data: "x".repeat(bytes), safe_view: "v", owner_principal: OWNER }),
    unseal: (id: string) => json(`/handles/${id}/unseal`, { requesting_principal: OWNER }),
  },
  "xml-rpc": {
    serve: serveXmlRpc,
    type: "text/xml",
    seal: (bytes: number) => xml("seal", "x".repeat(bytes), OWNER, "v"),
    unseal: (id: string) => xml("unseal", id, OWNER),
  },
} as const;

describe.each(Object.entries(WIRES))("a server of %s", (_, wire) => {
  it("keeps no more bytes of bodies than its budget, however many slow senders share it", async () => {
    const { open } = await scene(LIMITS);
    const bodies = Array.from({ length: 10 }, () => wire.seal(CAP * 0.6));
    const answers = bodies.map(async (message) => {
      const socket = open();
      const { head, body } = written(message);
      socket.write(head + body.slice(0, -1));
      const answer = await firstLineOf(socket);
      return { answer, socket };
    });
    // One fits, and never ends. The others are refused at once, and not when it is over.
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      for (const answer of answers) {
        void answer.then((one) => {
          heard.push(one.answer);
          if (heard.length === 9) resolve();
        });
      }
    });
    expect(new Set(heard)).toEqual(new Set(["HTTP/1.1 503 Service Unavailable"]));
  });

  it("states the time to wait", async () => {
    const { holding, ask } = await scene(LIMITS);
    await holding(wire.seal(CAP * 0.8));
    expect(await ask(wire.seal(CAP / 2))).toMatch(/^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\n/is);
  });

  it("reserves nothing for bodies that are announced and never sent", async () => {
    const { open, ask } = await scene({ ...LIMITS, maxInFlight: 10 });
    for (let sender = 0; sender < 50; sender++) open().write(written(wire.seal(CAP * 0.9)).head);
    // Each of them is before this one in the server's queue.
    expect(await ask(wire.seal(CAP * 0.9))).toMatch(/^HTTP\/1\.1 20[01] /);
  });

  it("answers small requests that fit while large ones hold the rest", async () => {
    const { holding, ask } = await scene(LIMITS);
    await holding(wire.seal(CAP * 0.8));
    expect(await ask(wire.seal(10))).toMatch(/^HTTP\/1\.1 20[01] /);
  });

  describe("releases the reservation of a body", () => {
    it("once it is answered", async () => {
      const { holding, becomesFree } = await scene(LIMITS);
      const { socket, rest } = await holding(wire.seal(CAP * 0.8));
      socket.write(rest);
      expect(await firstLineOf(socket)).toMatch(/^HTTP\/1\.1 20[01] /);
      await becomesFree();
    });

    it("once it is refused, too large or cut off by the cap", async () => {
      const { open, holding, ask, becomesFree } = await scene({ ...LIMITS, maxBodyBytes: 150_000 });
      const endless = open();
      endless.write(chunkedHead(wire.seal(1)));
      for (let chunk = 0; chunk < 20; chunk++) endless.write(`2710\r\n${"x".repeat(10_000)}\r\n`);
      expect(await firstLineOf(endless)).toMatch(/^HTTP\/1\.1 413 /);
      const { socket } = await holding(wire.seal(140_000));
      expect(await ask(wire.seal(140_000))).toMatch(/^HTTP\/1\.1 503 /);
      socket.destroy();
      await becomesFree(140_000);
    });

    it("once its sender has disconnected, cleanly or not", async () => {
      for (const leave of ["destroy", "resetAndDestroy", "end"] as const) {
        const { holding, becomesFree } = await scene(LIMITS);
        const { socket } = await holding(wire.seal(CAP * 0.8));
        socket[leave]();
        await becomesFree();
      }
    });

    it("once its time is over", async () => {
      const { open, becomesFree } = await scene({ ...LIMITS, requestTimeoutMs: 500 });
      const { head, body } = written(wire.seal(CAP * 0.8));
      const socket = open();
      const closed = once(socket.resume(), "close");
      socket.write(head + body.slice(0, -1));
      await closed;
      await becomesFree();
    });
  });

  it("counts a response until it is received, and accepts no bodies until then", async () => {
    const { vault, open, ask, becomesFree } = await scene(OPENING);
    const { id } = await vault.seal("x".repeat(LARGE), sealOptions());
    const lazy = [open(), open(), open()];
    for (const socket of lazy) socket.pause().write(whole(wire.unseal(id)));
    await until(async () => /^HTTP\/1\.1 503 /.test(await ask(wire.seal(100))));
    for (const socket of lazy) socket.resume();
    await becomesFree(100);
  });

  it("releases responses whose connection is closed, also those queued behind another", async () => {
    const { vault, open, ask, becomesFree, server } = await scene({ ...OPENING, ...PATIENT });
    const { id } = await vault.seal("x".repeat(LARGE), sealOptions());
    const lazy = open();
    lazy.pause().write(whole(wire.unseal(id)).repeat(3));
    await until(async () => /^HTTP\/1\.1 503 /.test(await ask(wire.seal(100))));
    lazy.resetAndDestroy();
    await becomesFree(100);
    // It does not wait as long as it would for requests in flight.
    await server.stop();
  });

  it("releases responses that are made after their connection closed", async () => {
    const { vault, open, ask } = await scene({ ...OPENING, ...PATIENT });
    const { id } = await vault.seal("x".repeat(LARGE), sealOptions());
    const begun: (() => void)[] = [];
    const unseal = vault.unseal.bind(vault);
    vault.unseal = async <T>(handle: string, principal: string): Promise<T> => {
      await new Promise<void>((resolve) => begun.push(resolve));
      return await unseal<T>(handle, principal);
    };
    const leaving = [open(), open(), open()];
    for (const socket of leaving) socket.write(whole(wire.unseal(id)));
    await until(async () => begun.length === leaving.length);
    for (const socket of leaving) socket.resetAndDestroy();
    // Other requests get responses: the server has noticed the disconnects.
    for (let round = 0; round < 20; round++) await ask(wire.seal(100));
    for (const release of begun) release();
    // Three responses would exceed the budget.
    for (let round = 0; round < 20; round++) {
      expect(await ask(wire.seal(100))).toMatch(/^HTTP\/1\.1 20[01] /);
    }
  });

  it("disconnects a client that receives its responses too slowly, even if it is never idle", async () => {
    const { vault, open, becomesFree } = await scene({ ...OPENING, requestTimeoutMs: 1000 });
    const { id } = await vault.seal("x".repeat(LARGE), sealOptions());
    const slow = open();
    const closed = once(slow, "close");
    let fetched = 0;
    const fetchSome = (): void => {
      fetched += (slow.read(65_536) as Buffer | null)?.length ?? 0;
    };
    slow.pause().write(whole(wire.unseal(id)).repeat(3));
    await once(slow, "readable");
    const timer = setInterval(fetchSome, 20);
    onTestFinished(() => clearInterval(timer));
    await becomesFree(100);
    clearInterval(timer);
    slow.on("data", (rest: Buffer) => {
      fetched += rest.length;
    });
    slow.resume();
    await closed;
    expect(fetched).toBeLessThan(3 * LARGE);
  });

  it("does not wait for a body that never ends when it stops", async () => {
    const { holding, server } = await scene({ ...LIMITS, stopTimeoutMs: 50 });
    const { closed } = await holding(wire.seal(CAP * 0.8));
    await server.stop();
    await closed;
  });

  it("refuses a budget below the limit of one body", async () => {
    const options = { auth: trustLocalCallers(), port: 0, maxBodyBytes: 10, maxBufferedBytes: 9 };
    await expect(wire.serve(new HandleVault(), options)).rejects.toThrow(RangeError);
  });

  async function scene(options: Partial<HttpServerOptions>) {
    const vault = new HandleVault();
    const server = await wire.serve(vault, { auth: trustLocalCallers(), port: 0, ...options });
    onTestFinished(() => server.stop());
    const { port } = server.address as { readonly port: number };
    const open = (): Socket => {
      const socket = connect(port, "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      return socket.on("error", () => undefined);
    };
    const ask = async (message: Message): Promise<string> => {
      const socket = open();
      socket.write(whole(message));
      const answer = await beginningOf(socket);
      socket.destroy();
      return answer;
    };
    /** Sends all but the last byte, and waits until the server has received them. */
    const holding = async (message: Message): Promise<Holder> => {
      const { head, body } = written(message);
      const socket = open();
      // A socket with unread data does not close.
      const closed = once(socket.resume(), "close");
      socket.write(head + body.slice(0, -1));
      const beside = wire.seal(Math.min(CAP - body.length + 1, body.length));
      await until(async () => /^HTTP\/1\.1 503 /.test(await ask(beside)));
      return { socket, closed, rest: body.slice(-1) };
    };
    const becomesFree = (bytes = CAP * 0.9): Promise<void> =>
      until(async () => /^HTTP\/1\.1 20[01] /.test(await ask(wire.seal(bytes))));
    return { vault, server, open, ask, holding, becomesFree };
  }

  function written({ path, body }: Message): { head: string; body: string } {
    const start = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${wire.type}`;
    return { head: `${start}\r\nContent-Length: ${body.length}\r\n\r\n`, body };
  }

  function chunkedHead({ path }: Message): string {
    const start = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${wire.type}`;
    return `${start}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  }

  function whole(message: Message): string {
    const { head, body } = written(message);
    return head + body;
  }
});

async function beginningOf(socket: Socket): Promise<string> {
  const [chunk] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as unknown[];
  return String(chunk);
}

async function firstLineOf(socket: Socket): Promise<string> {
  return (await beginningOf(socket)).split("\r\n", 1)[0] ?? "";
}

/**
 * Repeats a request until the condition is true, because only responses show how much the server has
 * processed.
 */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await nextTurn();
}

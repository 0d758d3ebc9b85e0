import { execFile, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  checkOneAddress,
  connectionOf,
  isLoopback,
  LISTEN_OPTIONS,
  listen,
} from "../../../src/transport/sockets/listening.js";
import { readOptions } from "../../../src/vault/options.js";

let folder = "";
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hv-listen-"));
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(folder, { recursive: true });
});

function newServer(onSocket: (socket: Socket) => void = (socket) => socket.destroy()): Server {
  const server = createServer(onSocket);
  servers.push(server);
  return server;
}

describe("a server", () => {
  it("listens on the loopback interface by default", async () => {
    const address = await listen(newServer(), {});
    expect(address).toEqual({ host: "127.0.0.1", port: expect.any(Number) });
  });

  it("says that a port is in use", async () => {
    const { port } = await listen(newServer(), {});
    await expect(listen(newServer(), { port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it.each(["0.0.0.0", "::"])("does not listen on %s without TLS by default", async (host) => {
    await expect(listen(newServer(), { host })).rejects.toThrow(TypeError);
    const exposed = await listen(newServer(), { host, insecureTransport: true });
    expect(exposed.host).toBe(host);
    const encrypted = await listen(newServer(), { host, tls: {} });
    expect(encrypted.host).toBe(host);
  });

  it("that believes local callers never listens to other machines", async () => {
    const options = { host: "0.0.0.0", localOnly: true, insecureTransport: true, tls: {} };
    await expect(listen(newServer(), options)).rejects.toThrow(TypeError);
    await expect(listen(newServer(), { localOnly: true })).resolves.toBeDefined();
    await expect(
      listen(newServer(), { path: join(folder, "s"), localOnly: true }),
    ).resolves.toBeDefined();
  });

  it("takes no option of the wrong kind, and no empty host, which would mean every machine", async () => {
    const wrong = [{ host: 5 }, { path: 5 }, { port: "1" }, { insecureTransport: "no" }];
    for (const options of [...wrong, { path: join(folder, "s"), host: "127.0.0.1" }]) {
      expect(() => checkOneAddress(readOptions(options, LISTEN_OPTIONS))).toThrow(TypeError);
    }
    for (const options of [{ host: "" }, { path: "" }, { port: 65_536 }, { port: -1 }]) {
      expect(() => readOptions(options, LISTEN_OPTIONS)).toThrow(RangeError);
    }
  });
});

/** Leaves the socket file of a server that was killed. */
function leaveBehind(path: string): void {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(lstatSync(path).isSocket()).toBe(true);
}

const NOBODY = 65_534;

/** Connects as another user, and returns the outcome. */
async function connectedAs(uid: number, path: string): Promise<string> {
  const script = `require("net").connect(${JSON.stringify(path)}).on("connect", () => end("connected")).on("error", (error) => end(error.code)); const end = (text) => { console.log(text); process.exit(); }`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], {
    ...{ uid, gid: uid, cwd: "/" },
  });
  return stdout.trim();
}

describe("a Unix socket", () => {
  it("is its owner's alone, in a folder that is made for it", async () => {
    const path = join(folder, "new", "vault.sock");
    expect(await listen(newServer(), { path })).toEqual({ path });
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(folder, "new")).mode & 0o777).toBe(0o700);
  });

  // Only the superuser can change to another user.
  it.skipIf(process.getuid?.() !== 0)(
    "is reached by no other user, not even where its folder is open",
    async () => {
      chmodSync(folder, 0o755);
      const path = join(folder, "own", "vault.sock");
      let reached = 0;
      await listen(
        newServer((socket) => {
          reached++;
          socket.destroy();
        }),
        { path },
      );
      expect(await connectedAs(NOBODY, path)).toBe("EACCES");
      chmodSync(join(folder, "own"), 0o755);
      expect(await connectedAs(NOBODY, path)).toBe("EACCES");
      expect(reached).toBe(0);
      expect(await connectedAs(0, path)).toBe("connected");
    },
  );

  it("is refused in a folder that others may enter", async () => {
    chmodSync(folder, 0o755);
    const path = join(folder, "vault.sock");
    await expect(listen(newServer(), { path })).rejects.toMatchObject({ code: "EACCES" });
    expect(existsSync(path)).toBe(false);
  });

  it("is refused in a folder behind a symbolic link", async () => {
    mkdirSync(join(folder, "real"), { mode: 0o700 });
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const path = join(folder, "link", "vault.sock");
    await expect(listen(newServer(), { path })).rejects.toMatchObject({ code: "EACCES" });
  });

  it("replaces one that a killed server left behind", async () => {
    const path = join(folder, "vault.sock");
    leaveBehind(path);
    await listen(
      newServer((socket) => socket.end("alive")),
      { path },
    );
    const answer = await new Promise((resolve) => {
      createConnection({ path }).once("data", (data) => resolve(String(data)));
    });
    expect(answer).toBe("alive");
  });

  it("that was left behind goes to one of many servers that start at once, and is never taken from it", async () => {
    for (let round = 0; round < 5; round++) {
      const path = join(folder, `${round}.sock`);
      leaveBehind(path);
      const started = await Promise.allSettled(
        [0, 1, 2, 3].map((name) =>
          listen(
            newServer((socket) => socket.end(String(name))),
            { path },
          ),
        ),
      );
      const [winner] = started.flatMap(({ status }, name) =>
        status === "fulfilled" ? [name] : [],
      );
      const codes = started.flatMap((one) =>
        one.status === "rejected" ? [(one.reason as NodeJS.ErrnoException).code] : [],
      );
      expect(codes).toEqual(["EADDRINUSE", "EADDRINUSE", "EADDRINUSE"]);
      const answer = await new Promise((resolve) => {
        createConnection({ path }).once("data", (data) => resolve(String(data)));
      });
      expect(answer).toBe(String(winner));
      expect(readdirSync(folder).filter((file) => file.startsWith(`${round}.`))).toEqual([
        `${round}.sock`,
      ]);
    }
  });

  it("of a running server is left alone", async () => {
    const path = join(folder, "vault.sock");
    await listen(newServer(), { path });
    await expect(listen(newServer(), { path })).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it("never takes the place of a file or a symbolic link", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "precious");
    const link = join(folder, "link");
    symlinkSync(join(folder, "nowhere"), link);
    for (const path of [file, link]) {
      await expect(listen(newServer(), { path })).rejects.toMatchObject({ code: "EADDRINUSE" });
      expect(lstatSync(path).isSocket()).toBe(false);
    }
  });

  it("has a path that the system can hold, and is never an abstract one", async () => {
    for (const path of [join(folder, "x".repeat(104)), "\0abstract"]) {
      await expect(listen(newServer(), { path })).rejects.toThrow(RangeError);
    }
  });
});

describe("a connection", () => {
  async function seenBy(options: { path?: string }, look: (socket: Socket) => unknown) {
    return new Promise((resolve) => {
      const server = newServer((socket) => {
        resolve(look(socket));
        socket.destroy();
      });
      void listen(server, options).then((address) => {
        createConnection(address as { port: number }).on("error", () => undefined);
      });
    });
  }

  it("is local over the loopback interface and over a Unix socket", async () => {
    expect(await seenBy({}, connectionOf)).toMatchObject({
      isLocal: true,
      remoteAddress: "127.0.0.1",
    });
    const unix = await seenBy({ path: join(folder, "s") }, connectionOf);
    expect(unix).toMatchObject({ isLocal: true, remoteAddress: undefined });
  });

  it("that ended before it was examined does not count as local", async () => {
    const seen = await seenBy({}, (socket) => {
      socket.destroy();
      return connectionOf(socket);
    });
    expect(seen).toMatchObject({ isLocal: false });
  });

  it("is remembered as it was while it was open", async () => {
    const seen = await seenBy({}, (socket) => {
      const open = connectionOf(socket);
      socket.destroy();
      return connectionOf(socket) === open;
    });
    expect(seen).toBe(true);
  });

  it("is local from a loopback address in any form, and from no other", () => {
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
      expect(isLoopback(address)).toBe(true);
    }
    for (const address of ["10.0.0.1", "::", "0.0.0.0", "::ffff:10.0.0.1", "fe80::1", "nonsense"]) {
      expect(isLoopback(address)).toBe(false);
    }
  });
});

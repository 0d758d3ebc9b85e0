/** A server process of Redis or Valkey: started on a free loopback port, ended by its process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export type RespProduct = "redis" | "valkey";

export const HOST = "127.0.0.1";

/**
 * The ports of each test worker: below the ports of outgoing connections, and disjoint from the ports and
 * bus ports of other workers, so that no other process takes a port while its server restarts.
 */
const LOWEST_PORT = 10_500;
const CLUSTER_BUS_OFFSET = 10_000;
const [WORKERS, PORTS_PER_WORKER] = [5, 2000];
const WORKER = Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const MAX_PORT_CLASHES = 20;

const PACKAGES: Record<RespProduct, string> = {
  redis: "install the Debian package redis-server",
  valkey: "install the Debian package valkey-server (in Debian 12 from bookworm-backports)",
};

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Returns why a product cannot be started here, naming its Debian package; `undefined` if it can. */
export function missingServer(product: RespProduct): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const isThere = folders.some((folder) => isExecutable(join(folder, `${product}-server`)));
  return isThere ? undefined : `${product}-server is missing: ${PACKAGES[product]}`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Returns a server's arguments for a port and a directory. */
export type ArgumentsFor = (port: number, directory: string) => Promise<readonly string[]>;

/** A server process whose port and directory stay the same when it is restarted. */
export class RespProcess {
  readonly product: RespProduct;
  readonly port: number;
  readonly directory: string;
  #arguments: readonly string[];
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(
    product: RespProduct,
    place: { readonly port: number; readonly directory: string },
    serverArguments: readonly string[],
  ) {
    this.product = product;
    this.port = place.port;
    this.directory = place.directory;
    this.#arguments = serverArguments;
  }

  /** Starts a server on a free port. */
  static async start(product: RespProduct, argumentsFor: ArgumentsFor): Promise<RespProcess> {
    const missing = missingServer(product);
    if (missing !== undefined) throw new Error(missing);
    const directory = await mkdtemp(join(tmpdir(), `handlevault-${product}-`));
    for (let clash = 0; ; clash++) {
      const port = await freePort();
      const place = { port, directory };
      const server = new RespProcess(product, place, await argumentsFor(port, directory));
      try {
        await server.launch();
        return server;
      } catch (error) {
        if (clash < MAX_PORT_CLASHES && server.#log.includes("already in use")) continue;
        await rm(directory, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error("the server is not running");
    return this.#child.pid;
  }

  /** Starts the process and waits until it replies. */
  async launch(serverArguments?: readonly string[]): Promise<void> {
    this.#arguments = serverArguments ?? this.#arguments;
    this.#log = "";
    const child = spawn(`${this.product}-server`, this.#arguments, {
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    await this.#answers(child);
  }

  /** Ends the process and waits for its end; its data stay. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    // A paused process must be killed without being resumed, or else it would send replies first.
    if (signal !== "SIGKILL") child.kill("SIGCONT");
    child.kill(signal);
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(force);
  }

  /** Ends the process and removes its directory. */
  async remove(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.directory, { recursive: true, force: true });
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  #answers(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = () => {
        reject(new Error(`${this.product}-server did not start:\n${this.#log.slice(-2000)}`));
      };
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        fail();
      }, START_TIMEOUT_MS);
      child.once("error", fail);
      child.once("exit", () => {
        clearTimeout(timer);
        fail();
      });
      const listen = (chunk: Buffer) => {
        if (this.#log.length < 2 ** 20) this.#log += chunk.toString("utf8");
        if (!/Ready to accept connections|Sentinel ID is/.test(this.#log)) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout?.on("data", listen);
      child.stderr?.on("data", listen);
    });
  }
}

/** Ports are never assigned twice, because a port may be without its server for a while. */
const given = new Set<number>();

/** Returns a free loopback port whose cluster bus port is free, too. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const place = WORKER * PORTS_PER_WORKER + Math.floor(Math.random() * PORTS_PER_WORKER);
    const port = LOWEST_PORT + place;
    if (given.has(port)) continue;
    if ((await isFree(port)) && (await isFree(port + CLUSTER_BUS_OFFSET))) {
      given.add(port);
      return port;
    }
  }
  throw new Error("no free port was found");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * The caches that an example can use. Files are in a new directory. A server is started for the example,
 * unless the URL of a running one is given.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type CacheBackend, generateKey, KeyRing } from "handlevault";

/** The cache and keys of a vault, and the function that cleans up after it. */
export interface Storage {
  readonly cache: CacheBackend | undefined;
  /** Durable keys, which caches that outlive the process require. */
  readonly keys: KeyRing | undefined;
  /** Stops the server and removes the files. Call it after closing the vault. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
/**
 * Opens a cache by its name: memory, sqlite, lmdb, redis or valkey.
 *
 * @returns `undefined` for any other name.
 */
export async function openStorage(name: string, url?: string): Promise<Storage | undefined> {
  return Object.hasOwn(OPENERS, name) ? OPENERS[name]?.(url) : undefined;
}

const OPENERS: Record<string, (url: string | undefined) => Promise<Storage>> = {
  memory: async () => ({ cache: undefined, keys: undefined, stop: async () => undefined }),
  sqlite: async () => {
    const { openSqliteCache } = await import("handlevault/cache/sqlite");
    return inDirectory((directory) => openSqliteCache(join(directory, "vault.db")));
  },
  lmdb: async () => {
    const { openLmdbCache } = await import("handlevault/cache/lmdb");
    return inDirectory((directory) => openLmdbCache(join(directory, "vault.lmdb")));
  },
  redis: async (url) => {
    const { openRedisCache } = await import("handlevault/cache/redis");
    return onServer("redis", url, openRedisCache);
  },
  valkey: async (url) => {
    const { openValkeyCache } = await import("handlevault/cache/valkey");
    return onServer("valkey", url, openValkeyCache);
  },
};

function newRing(): KeyRing {
  return KeyRing.from({ current: "example", keys: { example: generateKey() } });
}

async function inDirectory(open: (directory: string) => Promise<CacheBackend>): Promise<Storage> {
  const directory = await mkdtemp(join(tmpdir(), "handlevault-example-"));
  const stop = () => rm(directory, { recursive: true, force: true });
  return { cache: await open(directory), keys: newRing(), stop };
}

async function onServer(
  product: string,
  url: string | undefined,
  open: (url: string) => Promise<CacheBackend>,
): Promise<Storage> {
  if (url !== undefined) {
    return { cache: await open(url), keys: newRing(), stop: async () => undefined };
  }
  const directory = await mkdtemp(join(tmpdir(), "handlevault-example-"));
  const port = await freePort();
  const server = spawn(
    `${product}-server`,
    ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", directory, "--appendonly", "yes"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const stop = async () => {
    if (server.exitCode === null && server.kill()) await once(server, "exit");
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(product, server);
    return { cache: await open(`redis://127.0.0.1:${port}`), keys: newRing(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilReady(product: string, server: ChildProcess): Promise<void> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const lines = createInterface({ input: server.stdout as NodeJS.ReadableStream });
  await new Promise<void>((resolve, reject) => {
    const fail = () => {
      reject(new Error(`${product}-server did not start: is it installed? Or use --url.`));
    };
    signal.addEventListener("abort", fail);
    server.once("error", fail);
    server.once("exit", fail);
    lines.on("line", (line) => {
      if (line.includes("Ready to accept connections")) resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

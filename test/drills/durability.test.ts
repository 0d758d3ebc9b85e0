/** Which records survive which fault. The table in docs/durability.md shows the outcomes of these drills. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, it, type TestContext, vi } from "vitest";
import { lruCache } from "../../src/cache/lru.js";
import { type CacheBackend, HandleVault, memoryCache } from "../../src/index.js";
import { type RespSentinel, startRespSentinel } from "../support/servers/resp-sentinel.js";
import {
  missingServer,
  type RespProduct,
  type RespServer,
  type RespServerOptions,
  startRespServer,
} from "../support/servers/resp-server.js";
import { mountSmallDisk, NO_SMALL_DISK, type SmallDisk } from "../support/small-disk.js";
import { crash } from "./crash.js";
import { type Fault, noteOutcome } from "./outcomes.js";
import {
  type Address,
  inFile,
  openPlace,
  openVault,
  type Place,
  type PlaceKind,
} from "./places.js";
import {
  countLost,
  failOver,
  fillUntilServerEnds,
  fillUp,
  killLaggard,
  type Outcome,
  overfill,
  restart,
  sealSome,
} from "./scenarios.js";

const REFUSED: Outcome = "refused; nothing lost, `invalidate` works";
const REFUSED_WHOLLY: Outcome = "refused; nothing lost, `invalidate` waits for room";
const ENDED: Outcome = "the server ends; nothing lost once it is started with room";
const PRODUCTS: readonly RespProduct[] = ["redis", "valkey"];

/** Records an outcome for the documentation, and checks that it is the expected one. */
function conclude(store: string, fault: Fault, outcomes: { actual: Outcome; expected: Outcome }) {
  noteOutcome(store, fault, outcomes.actual);
  expect(outcomes.actual).toBe(outcomes.expected);
}

async function at<T>(kind: PlaceKind, use: (place: Place) => Promise<T>): Promise<T> {
  const place = await kind.start();
  try {
    return await use(place);
  } finally {
    await place.stop();
  }
}

async function noteDurability(store: string, cache: CacheBackend): Promise<string> {
  const { durability } = await cache.ready();
  noteOutcome(store, "declares", `\`${durability}\``);
  await cache.close();
  return durability;
}

async function onSmallDisk<T>(
  { skip }: TestContext,
  mebibytes: number,
  use: (disk: SmallDisk) => Promise<T>,
): Promise<T> {
  const disk = mountSmallDisk(mebibytes);
  if (disk === undefined) return skip(NO_SMALL_DISK);
  try {
    return await use(disk);
  } finally {
    disk.remove();
  }
}

/** These tests start many processes, on machines that may be busy. */
vi.setConfig({ testTimeout: 240_000 });

describe.each([
  { store: "`memoryCache`", open: () => memoryCache({ maxEntries: 500 }), full: REFUSED },
  {
    store: "`lruCache`",
    open: () => lruCache({ maxEntries: 500, maxTombstones: 5000 }),
    full: "evicted; the handle says so" as const,
  },
])("records in memory: $store", ({ store, open, full }) => {
  it("are lost with their process, as the cache declares", async () => {
    const vault = new HandleVault({ cache: open() });
    const ids = await sealSome(vault, 100);
    await vault.close();
    const next = new HandleVault({ cache: open() });
    const actual = (await countLost(next, ids)) === 0 ? "kept" : "lost";
    await next.close();
    for (const fault of ["killed (kill -9)", "restarted"] as const) {
      conclude(store, fault, { actual, expected: "lost" });
    }
    expect(await noteDurability(store, open())).toBe("none");
  });

  it(`are ${full} when there is no room`, async () => {
    const vault = new HandleVault({ cache: open() });
    const actual = full === REFUSED ? await fillUp(vault) : await overfill(vault);
    await vault.close();
    conclude(store, "memory full", { actual, expected: full });
  });
});

const FILES = [
  {
    store: 'SQLite, `synchronous: "full"`',
    durability: "disk",
    mebibytes: 16,
    addressIn: (directory: string): Address => ({
      kind: "sqlite",
      path: join(directory, "vault.db"),
    }),
  },
  {
    store: 'SQLite, `synchronous: "normal"`',
    durability: "process",
    mebibytes: 16,
    addressIn: (directory: string): Address => ({
      kind: "sqlite",
      path: join(directory, "vault.db"),
      synchronous: "normal",
    }),
  },
  {
    store: "LMDB",
    durability: "disk",
    mebibytes: 112,
    addressIn: (directory: string): Address => ({
      kind: "lmdb",
      path: join(directory, "vault.lmdb"),
    }),
  },
];

describe.each(FILES)("records in a file: $store", ({ store, durability, mebibytes, addressIn }) => {
  it("are kept over a restart, and the cache declares its guarantees", async () => {
    await at(inFile(store, addressIn), async (place) => {
      conclude(store, "restarted", { actual: await restart(place), expected: "kept" });
      expect(await noteDurability(store, await openPlace(place.address))).toBe(durability);
    });
  });

  it("are kept when the disk is full, more are refused, and handles can be invalidated", async (context) => {
    await onSmallDisk(context, mebibytes, async ({ directory }) => {
      const actual = await at(inFile(store, addressIn, directory), async ({ address }) => {
        const vault = await openVault(address);
        const outcome = await fillUp(vault);
        await vault.close();
        return outcome;
      });
      conclude(store, "disk full", { actual, expected: REFUSED });
    });
  });
});

// For the other files, test/drills/crash.test.ts kills the writers.
describe.each(FILES.filter((file) => file.durability === "process"))(
  "records in a file that is not flushed: $store",
  ({ store, addressIn }) => {
    it("are kept when their process is killed", async () => {
      const { lost, torn } = await at(inFile(store, addressIn), (place) =>
        crash(place, { acknowledged: 2000 }),
      );
      expect(torn).toBe(0);
      const actual = lost === 0 ? "kept" : "lost";
      conclude(store, "killed (kill -9)", { actual, expected: "kept" });
    });
  },
);

interface ServerRow {
  readonly store: string;
  readonly product: RespProduct;
  readonly options: RespServerOptions;
  readonly durability: string;
  readonly killed: Outcome;
  readonly restarted: Outcome;
  /** The outcome of a full disk, for servers with an append-only file. */
  readonly diskFull?: Outcome;
}

const SERVERS: readonly ServerRow[] = [
  ...PRODUCTS.flatMap((product): ServerRow[] => [
    {
      store: `${titleOf(product)}, \`appendfsync always\``,
      product,
      options: { appendFsync: "always" },
      durability: "disk",
      killed: "kept",
      restarted: "kept",
      diskFull: ENDED,
    },
    {
      store: `${titleOf(product)}, \`appendfsync everysec\``,
      product,
      options: { appendFsync: "everysec" },
      durability: "process",
      killed: "kept, but for the last 2 seconds",
      restarted: "kept",
      diskFull: REFUSED_WHOLLY,
    },
  ]),
  {
    store: "Redis, snapshots alone (`acceptVolatile`)",
    product: "redis",
    options: { arguments: ["--save", "3600", "1"] },
    durability: "none",
    killed: "lost",
    restarted: "kept",
  },
  {
    store: "Redis, no persistence (`acceptVolatile`)",
    product: "redis",
    options: {},
    durability: "none",
    killed: "lost",
    restarted: "lost",
  },
];

function titleOf(product: RespProduct): string {
  return product === "redis" ? "Redis" : "Valkey";
}

/** Kills the server of a row in the way that tests its guarantee. */
async function kill({ killed }: ServerRow, place: Place): Promise<Outcome> {
  return killed === "lost" ? restart(place, place.crash) : killLaggard(place);
}

async function withServer<T>(
  { product, options }: Pick<ServerRow, "product" | "options">,
  { skip }: TestContext,
  use: (server: RespServer, place: Place) => Promise<T>,
): Promise<T> {
  const missing = missingServer(product);
  if (missing !== undefined) return skip(missing);
  const server = await startRespServer(product, options);
  const place: Place = {
    address: { kind: product, target: { host: server.host, port: server.port } },
    stop: () => server.stop(),
    crash: async () => {
      await server.kill();
      await server.restart();
    },
  };
  try {
    return await use(server, place);
  } finally {
    await server.stop();
  }
}

describe.each(SERVERS)("records on a server: $store", (row) => {
  const { store, durability, restarted } = row;

  it(`are ${restarted} over a restart, and the cache declares its guarantees`, async (context) => {
    await withServer(row, context, async (server, place) => {
      const actual = await restart(place, () => server.restart());
      conclude(store, "restarted", { actual, expected: restarted });
      expect(await noteDurability(store, await openPlace(place.address))).toBe(durability);
    });
  });

  it("are kept when its memory is full, and handles can be invalidated", async (context) => {
    const limits = ["--maxmemory", "24mb", "--maxmemory-policy", "noeviction"];
    const options = { ...row.options, arguments: [...(row.options.arguments ?? []), ...limits] };
    await withServer({ ...row, options }, context, async (_, { address }) => {
      const vault = await openVault(address, { acceptVolatile: true });
      const actual = await fillUp(vault);
      await vault.close();
      conclude(store, "memory full", { actual, expected: REFUSED });
    });
  });
});

// test/drills/crash.test.ts kills the servers that keep everything, during many writes.
describe.each(SERVERS.filter(({ killed }) => killed !== "kept"))(
  "records on a server that acknowledges before it writes: $store",
  (row) => {
    const { store, killed } = row;

    it(`are ${killed} when the server is killed`, async (context) => {
      await withServer(row, context, async (_, place) => {
        conclude(store, "killed (kill -9)", { actual: await kill(row, place), expected: killed });
      });
    });
  },
);

describe.each(SERVERS.filter(({ diskFull }) => diskFull !== undefined))(
  "records on a server whose disk is full: $store",
  ({ store, product, options, diskFull = REFUSED }) => {
    it(`are kept; ${diskFull}`, async (context) => {
      await onSmallDisk(context, 24, async ({ directory }) => {
        const onDisk = { ...options, arguments: ["--dir", directory] };
        const filler = join(directory, "filler");
        writeFileSync(filler, Buffer.alloc(2 ** 22));
        await withServer({ product, options: onDisk }, context, async (server, { address }) => {
          const vault = await openVault(address, { cacheTimeoutMs: 2000 });
          const startAgain = async () => {
            rmSync(filler);
            await server.restart();
          };
          const actual = await (diskFull === ENDED
            ? fillUntilServerEnds(vault, startAgain)
            : fillUp(vault));
          await vault.close();
          conclude(store, "disk full", { actual, expected: diskFull });
        });
      });
    });
  },
);

describe.each(PRODUCTS)("records on a server that evicts: %s", (product) => {
  it("may be lost without an error", async (context) => {
    const store = `${titleOf(product)}, evicting (\`acceptVolatile\`)`;
    const limits = ["--maxmemory", "24mb", "--maxmemory-policy", "allkeys-lru"];
    const options = { appendFsync: "everysec", arguments: limits } as const;
    await withServer({ product, options }, context, async (_, { address }) => {
      const vault = await openVault(address, { acceptVolatile: true });
      const actual = await overfill(vault);
      await vault.close();
      conclude(store, "memory full", { actual, expected: "may be lost" });
      await noteDurability(store, await openPlace(address));
    });
  });
});

const REPLICATED = PRODUCTS.flatMap((product) => [
  { product, store: `${titleOf(product)} with a replica`, expected: "may be lost" as const },
  {
    product,
    store: `${titleOf(product)} with a replica, \`waitForReplicas\``,
    waitForReplicas: { count: 1, timeoutMs: 1000 },
    expected: "kept" as const,
  },
]);

describe.each(REPLICATED)("records on $store", ({ product, store, waitForReplicas, expected }) => {
  it(`are ${expected} when a replica that fell behind becomes the master`, async ({ skip }) => {
    const missing = missingServer(product);
    if (missing !== undefined) return skip(missing);
    const servers = await startRespSentinel(product, { appendFsync: "everysec" });
    try {
      const { sentinels, name } = servers;
      const target = { sentinels, name };
      const address: Address = {
        kind: product,
        target,
        ...(waitForReplicas === undefined ? {} : { waitForReplicas }),
      };
      const place: Place = { address, stop: () => servers.stop() };
      const actual = await failOver(place, failoverOf(servers));
      conclude(store, "failed over", { actual, expected });
      await noteDurability(store, await openPlace(address));
    } finally {
      await servers.stop();
    }
  });
});

function failoverOf({ master, replica }: RespSentinel) {
  return {
    // Disconnects the replica. If it were only paused, it would still find the master's data in its socket.
    cutOff: async () => {
      replica.pause();
      const connection = new Redis({ host: master.host, port: master.port });
      await connection.call("CLIENT", "KILL", "TYPE", "replica");
      await connection.quit();
    },
    failOver: async () => {
      await master.kill();
      replica.resume();
    },
  };
}

/** Opens a connection with ioredis or iovalkey. */
import type { CacheBackend } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import { RespCache } from "./backend.js";
import { causeOf, failureOf } from "./failures.js";
import { checkCacheOptions, checkKeyPrefix, type RespCacheOptions } from "./options.js";
import { connectTimeoutOf, type RespTarget, readTarget, toPeerArguments } from "./target.js";
import type { RespConnection } from "./vendor.js";

/** The exports of ioredis and iovalkey that are used. */
export interface RespPeer {
  readonly Redis: new (options: never) => unknown;
  readonly Cluster: new (nodes: never, options: never) => unknown;
}

/** Checks the target and the options, loads the client library, and connects. */
export async function openRespCache(
  load: () => Promise<RespPeer>,
  given: string | RespTarget,
  options: RespCacheOptions,
): Promise<CacheBackend> {
  const { keyPrefix, ...target } = readTarget(given);
  checkCacheOptions(options, "cache options");
  const settings = withPrefix(options, keyPrefix);
  if (options.waitForReplicas !== undefined && target.cluster !== undefined) {
    throw new TypeError("waitForReplicas cannot be used with a cluster");
  }
  const connection = construct(await load(), target);
  const refusal = watchErrors(connection);
  try {
    const deadline = new Deadline({ timeoutMs: connectTimeoutOf(target) });
    const opening = Promise.race([connect(connection, settings), refusal.first]);
    return await deadline.bound(opening, () => new CacheUnavailableError());
  } catch (error) {
    // Leave no connection open after any failure.
    connection.disconnect();
    throw new CacheUnavailableError({ cause: causeOf(refusal.latest ?? error) });
  }
}

/** Returns the options with the key prefix of the URL. */
function withPrefix(options: RespCacheOptions, keyPrefix: string | undefined): RespCacheOptions {
  if (keyPrefix === undefined) return options;
  if (options.keyPrefix !== undefined) {
    throw new TypeError("keyPrefix must not be both in target.url and in the options");
  }
  checkKeyPrefix(keyPrefix);
  return { ...options, keyPrefix };
}

/** Connects and sends a first command: some client libraries resolve before the server checks credentials. */
async function connect(
  connection: RespConnection,
  options: RespCacheOptions,
): Promise<CacheBackend> {
  await connection.connect();
  const cache = new RespCache(connection, options, "owned");
  await cache.ready();
  return cache;
}

interface Refusal {
  /** Rejects when the server refuses the connection. */
  readonly first: Promise<never>;
  readonly latest: unknown;
}

/**
 * Listens to errors, because without a listener the client libraries print them. Each operation reports
 * its own errors.
 */
function watchErrors(connection: RespConnection): Refusal {
  let latest: unknown;
  const first = new Promise<never>((_, reject) => {
    connection.on("error", (error) => {
      latest = error;
      if (failureOf(error) === "refused") reject(error);
    });
  });
  first.catch(() => undefined);
  return {
    first,
    get latest() {
      return latest;
    },
  };
}

function construct(peer: RespPeer, target: RespTarget): RespConnection {
  const given = toPeerArguments(target);
  const connection =
    given.kind === "cluster"
      ? new peer.Cluster(given.nodes as never, given.options as never)
      : new peer.Redis(given.options as never);
  return connection as RespConnection;
}

/** The part of an ioredis or iovalkey connection that the cache calls, as structural types. */
import type { Buffer } from "node:buffer";

/** The commands that connections and pipelines share. In a pipeline, replies arrive with `exec`. */
export interface CommandWriter {
  getBuffer(key: string): unknown;
  set(key: string, value: Buffer, unit: "PX", milliseconds: number, condition: "NX"): unknown;
}

/** A pipeline: commands that are sent together. */
export interface RespPipeline extends CommandWriter {
  /** Begins a transaction. The next `exec` ends it, and a second `exec` sends it. */
  multi(): unknown;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** A server of a cluster, or the only server. */
export interface RespNode {
  info(section: string): Promise<unknown>;
  config(get: "GET", parameter: string): Promise<unknown>;
  call(command: string, ...parameters: string[]): Promise<unknown>;
}

/** A connection of ioredis or iovalkey: a `Redis` or a `Cluster`. */
export interface RespConnection {
  readonly status: string;
  readonly isCluster?: boolean;
  getBuffer(key: string): Promise<Buffer | null>;
  set(
    key: string,
    value: Buffer,
    unit: "PX",
    milliseconds: number,
    condition: "NX",
  ): Promise<unknown>;
  wait(replicas: number, milliseconds: number): Promise<unknown>;
  pipeline(): unknown;
  defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void;
  connect(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  on(event: string, listener: (given: unknown) => void): unknown;
  off(event: string, listener: (given: unknown) => void): unknown;
}

/** The further members of a cluster's connection. */
interface RespClusterParts {
  nodes(role: "master"): readonly RespNode[];
  refreshSlotsCache?(done: () => void): void;
}

const METHODS = ["getBuffer", "set", "pipeline", "defineCommand", "on", "off"] as const;

/** Throws unless the cache can use this connection with its settings. */
export function checkConnection(connection: RespConnection, name: string): void {
  const given: unknown = connection;
  if (!hasMethods(given)) {
    throw new TypeError(`${name} must be a connection of ioredis or iovalkey`);
  }
  const options = (given["options"] ?? {}) as { keyPrefix?: unknown; scaleReads?: unknown };
  if (options.keyPrefix) {
    throw new TypeError(`${name} must not have a keyPrefix: give the cache one instead`);
  }
  if (options.scaleReads !== undefined && options.scaleReads !== "master") {
    throw new TypeError(`${name} must read from masters: set scaleReads to "master"`);
  }
}

function hasMethods(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const members = value as Record<string, unknown>;
  return METHODS.every((method) => typeof members[method] === "function");
}

/** Returns the masters; empty if a cluster is not connected. */
export function mastersOf(connection: RespConnection): readonly RespNode[] {
  if (connection.isCluster !== true) return [connection as unknown as RespNode];
  return (connection as unknown as RespClusterParts).nodes("master");
}

/** Refreshes the slot map of a cluster's connection. */
export async function refreshSlots(connection: RespConnection): Promise<void> {
  const cluster = connection as unknown as RespClusterParts;
  await new Promise<void>((resolve) => {
    if (cluster.refreshSlotsCache === undefined) resolve();
    else cluster.refreshSlotsCache(resolve);
  });
}

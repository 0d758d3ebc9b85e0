/** What a golden vector is, and how one is captured from a vault. */
import { hash } from "node:crypto";
import {
  HandleVault,
  KeyRing,
  memoryCache,
  type OpaqueHandle,
  type SealOptions,
  type VaultCodec,
} from "../../src/index.js";

/** 2026-01-01T00:00:00Z: when every vector's record is sealed. */
const SEALED_AT_MS: number = Date.UTC(2026, 0, 1);
/** How much later it is read. */
const READ_AFTER_MS = 250;

/** Ring keys by id, as 43 characters of base64url. */
export type Keys = Readonly<Record<string, string>>;

/** A payload, tagged with how its value is to be taken. */
export type TaggedPayload =
  | { readonly type: "json"; readonly value: unknown }
  /** JSON data that some parsers would change or refuse, as JSON text. */
  | { readonly type: "json-text"; readonly value: string }
  | { readonly type: "text"; readonly value: string }
  /** In hex. */
  | { readonly type: "bytes"; readonly value: string };

/** One line of `valid.json`. */
export interface Vector {
  readonly name: string;
  readonly comment: string;
  readonly currentKey: string;
  readonly keys: Keys;
  readonly handleId: string;
  readonly lookupId: string;
  readonly tenant: string | null;
  /** Who reads. */
  readonly principal: string;
  /** When. */
  readonly nowMs: number;
  readonly head: string;
  readonly body: string | null;
  readonly expected: {
    readonly form: string;
    readonly revision: number;
    readonly ownerPrincipal: string;
    readonly grantedPrincipals: readonly string[];
    readonly createdAtMs: number;
    readonly expiresAtMs: number;
    readonly usesLeft: number | null;
    readonly safeView: string;
    /** `null` when the last use is spent. */
    readonly payload: TaggedPayload | null;
  };
}

/** The vault that a recipe works on, and what belongs to it. */
export interface Scene {
  readonly vault: HandleVault;
  readonly handle: OpaqueHandle;
  readonly ring: KeyRing;
}

/** How a vector comes about. */
export interface Recipe {
  readonly name: string;
  readonly comment: string;
  readonly payload: TaggedPayload;
  readonly options?: Partial<SealOptions>;
  readonly sealedUnder?: Keys;
  /** The reader's keys, the current one first; those of sealing when absent. */
  readonly readUnder?: Keys;
  readonly tenant?: string;
  readonly codec?: VaultCodec;
  readonly principal?: string;
  /** What happens to the handle before the record is captured, and how many rewrites that is. */
  readonly after?: (scene: Scene) => Promise<void>;
  readonly revision?: number;
  readonly isSpent?: boolean;
}

/** A ring key that anybody can see is none to use. */
export function testKey(first: number): string {
  return Buffer.from(Array.from({ length: 32 }, (_, index) => first + index)).toString("base64url");
}

/** Returns the key of a handle's record in every cache. */
function lookupIdOf(handleId: string): string {
  return hash("sha256", handleId, "base64url");
}

/** Seals a recipe's payload, does with the handle what it says, and returns what the cache holds. */
export async function capture(recipe: Recipe): Promise<Vector> {
  const { name, comment, tenant, payload, revision = 0, isSpent = false } = recipe;
  const sealedUnder = recipe.sealedUnder ?? { k1: testKey(0) };
  const readUnder = recipe.readUnder ?? sealedUnder;
  const ring = KeyRing.from({ current: currentOf(sealedUnder), keys: sealedUnder });
  const cache = memoryCache();
  const clock = { now: () => SEALED_AT_MS };
  const { codec } = recipe;
  const keys = codec?.encryptor === undefined ? ring : undefined;
  await using vault = new HandleVault({ cache, keys, clock, tenant, codec });
  const options = { ownerPrincipal: "records", safeView: "a record", ...recipe.options };
  const handle = await vault.seal(untagged(payload), options);
  await recipe.after?.({ vault, handle, ring });

  const lookupId = lookupIdOf(handle.id);
  const entry = await cache.get(lookupId);
  if (entry === undefined || entry === "evicted") throw new Error(`${name} is not in the cache`);
  const body = await cache.getBody(lookupId);
  const description = await vault.describe(handle.id, options.ownerPrincipal);
  return {
    name,
    comment,
    currentKey: currentOf(readUnder),
    keys: readUnder,
    handleId: handle.id,
    lookupId,
    tenant: tenant ?? null,
    principal: recipe.principal ?? options.ownerPrincipal,
    nowMs: SEALED_AT_MS + READ_AFTER_MS,
    head: Buffer.from(entry.head).toString("hex"),
    body: body === undefined ? null : Buffer.from(body).toString("hex"),
    expected: {
      form: isSpent ? "spent" : body === undefined ? "inline" : "detached",
      revision,
      ownerPrincipal: description.ownerPrincipal,
      grantedPrincipals: description.grantedPrincipals,
      createdAtMs: description.createdAt.getTime(),
      expiresAtMs: description.expiresAt.getTime(),
      usesLeft: description.usesLeft ?? null,
      safeView: description.safeView,
      payload: isSpent ? null : payload,
    },
  };
}

/** Returns what the tagged form stands for. */
function untagged(payload: TaggedPayload): unknown {
  switch (payload.type) {
    case "bytes":
      return new Uint8Array(Buffer.from(payload.value, "hex"));
    case "json-text":
      return JSON.parse(payload.value);
    default:
      return payload.value;
  }
}

function currentOf(keys: Keys): string {
  const [current] = Object.keys(keys);
  if (current === undefined) throw new Error("a ring has at least one key");
  return current;
}

/** One line of `must-fail.json`: what is absent is as in the vector it is based on. */
export interface Mutation {
  readonly name: string;
  readonly base: string;
  readonly head: string;
  /** `null` when there is none. */
  readonly body?: string | null;
  readonly handleId?: string;
  readonly lookupId?: string;
  readonly tenant?: string | null;
  readonly currentKey?: string;
  readonly keys?: Keys;
  readonly error: string;
}

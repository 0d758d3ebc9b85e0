/** The form of a golden vector, and the function that captures one from a vault. */
import { hash } from "node:crypto";
import {
  HandleVault,
  KeyRing,
  memoryCache,
  type OpaqueHandle,
  type SealTerms,
  type VaultCodec,
} from "../../src/index.js";

/** The time at which every vector's record is sealed: 2026-01-01T00:00:00Z. */
const SEALED_AT_MS: number = Date.UTC(2026, 0, 1);
/** The time from sealing to reading, in milliseconds. */
const READ_AFTER_MS = 250;

/** Ring keys by id, as 43 characters of base64url. */
export type Keys = Readonly<Record<string, string>>;

/** A payload, tagged with its encoding. */
export type TaggedPayload =
  | { readonly type: "json"; readonly value: unknown }
  /** JSON data that some parsers would change or reject, as JSON text. */
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
  /** The principal that reads the record. */
  readonly principal: string;
  /** The time of reading, in milliseconds since the epoch. */
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
    /** `null` if the last use is spent. */
    readonly payload: TaggedPayload | null;
  };
}

/** The vault, the handle and the key ring of a recipe. */
export interface Scene {
  readonly vault: HandleVault;
  readonly handle: OpaqueHandle;
  readonly ring: KeyRing;
}

/** The steps that create a vector. */
export interface Recipe {
  readonly name: string;
  readonly comment: string;
  readonly payload: TaggedPayload;
  readonly options?: Partial<SealTerms> & { readonly safeView?: string };
  readonly sealedUnder?: Keys;
  /** The reader's keys, the current one first. Default: the keys of sealing. */
  readonly readUnder?: Keys;
  readonly tenant?: string;
  readonly codec?: VaultCodec;
  readonly principal?: string;
  /** Changes the handle before the record is captured. `revision` is the number of rewrites. */
  readonly after?: (scene: Scene) => Promise<void>;
  readonly revision?: number;
  readonly isSpent?: boolean;
}

/** Returns a key with an obvious pattern, which is unlikely to be used by mistake. */
export function testKey(first: number): string {
  return Buffer.from(Array.from({ length: 32 }, (_, index) => first + index)).toString("base64url");
}

/** Returns the key under which every cache stores a handle's record. */
function lookupIdOf(handleId: string): string {
  return hash("sha256", handleId, "base64url");
}

/** Seals a recipe's payload, applies its changes, and returns the stored record. */
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

/** Returns the value of a tagged payload. */
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

/** One line of `must-fail.json`. Omitted members are those of the vector it is based on. */
export interface Mutation {
  readonly name: string;
  readonly base: string;
  readonly head: string;
  /** `null` if there is no body. */
  readonly body?: string | null;
  readonly handleId?: string;
  readonly lookupId?: string;
  readonly tenant?: string | null;
  readonly currentKey?: string;
  readonly keys?: Keys;
  readonly error: string;
}

/** The golden records of format 1, and a function that puts one into a cache. */
import { HandleVault, KeyRing, memoryCache } from "../../src/index.js";
import { loadVectors } from "./vectors.js";

/** A payload, tagged with its encoding. */
export type TaggedPayload =
  | { readonly type: "json"; readonly value: unknown }
  | { readonly type: "json-text" | "text" | "bytes"; readonly value: string };

/** A record as it is stored in a cache, and the reader and options with which to read it. */
export interface StoredVector {
  readonly name: string;
  readonly currentKey: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly handleId: string;
  readonly lookupId: string;
  readonly tenant: string | null;
  readonly principal: string;
  readonly nowMs: number;
  readonly head: string;
  readonly body: string | null;
}

/** A record that can be opened. */
export interface ValidVector extends StoredVector {
  readonly comment: string;
  readonly expected: {
    readonly form: "inline" | "detached" | "spent";
    readonly revision: number;
    readonly ownerPrincipal: string;
    readonly grantedPrincipals: readonly string[];
    readonly createdAtMs: number;
    readonly expiresAtMs: number;
    readonly usesLeft: number | null;
    readonly safeView: string;
    readonly payload: TaggedPayload | null;
  };
}

/** A record that must be rejected. */
export interface MustFailVector extends StoredVector {
  readonly base: string;
  readonly error: string;
}

/** Every line of `valid.json`. */
export const VALID: readonly ValidVector[] = loadVectors<{ vectors: ValidVector[] }>(
  "record-v1/valid.json",
).vectors;

/** Every line of `must-fail.json`, with the members of its base filled in. */
export const MUST_FAIL: readonly MustFailVector[] = loadVectors<{
  cases: (Partial<MustFailVector> & { name: string; base: string; error: string })[];
}>("record-v1/must-fail.json").cases.map((mutation) => ({
  ...vectorNamed(mutation.base),
  ...mutation,
}));

/** Returns the valid vector of this name. */
export function vectorNamed(name: string): ValidVector {
  const vector = VALID.find((candidate) => candidate.name === name);
  if (vector === undefined) throw new Error(`no vector is called ${name}`);
  return vector;
}

/** Returns the value of a tagged payload. */
export function untagged(payload: TaggedPayload): unknown {
  switch (payload.type) {
    case "bytes":
      return new Uint8Array(Buffer.from(payload.value, "hex"));
    case "json-text":
      return JSON.parse(payload.value);
    default:
      return payload.value;
  }
}

/** Returns a vault with a fixed clock whose cache contains only the record. */
export async function vaultHolding(vector: StoredVector): Promise<HandleVault> {
  const { currentKey, keys, lookupId, tenant, nowMs } = vector;
  const cache = memoryCache();
  await cache.ready();
  const head = Buffer.from(vector.head, "hex");
  const body = vector.body === null ? undefined : Buffer.from(vector.body, "hex");
  await cache.insert(lookupId, { head, body }, { purgeAfterMs: 3_600_000 });
  return new HandleVault({
    cache,
    keys: KeyRing.from({ current: currentKey, keys }),
    clock: { now: () => nowMs },
    tenant: tenant ?? undefined,
  });
}

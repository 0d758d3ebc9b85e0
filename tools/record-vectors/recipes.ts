/** The records of `valid.json`. */

import { hash } from "node:crypto";
import {
  brotliCompressor,
  deflateCompressor,
  generateKey,
  gzipCompressor,
  VaultCodec,
} from "../../src/index.js";
import { rotate } from "../../test/support/rotation.js";
import { type Recipe, type Scene, type TaggedPayload, testKey } from "./vector.js";

const OLD: { readonly "2026-11": string } = { "2026-11": testKey(32) };
const NEW: { readonly "2026-12": string } = { "2026-12": testKey(64) };
const LONG_ID = "BCDEFGHIJKLMNOPQRSTUVWXYZ.abcdefghijklmnopqrstuvwxyz-0123456789_";

const json = (value: unknown): TaggedPayload => ({ type: "json", value });
const text = (value: string): TaggedPayload => ({ type: "text", value });
const bytes = (value: Uint8Array): TaggedPayload => ({
  type: "bytes",
  value: Buffer.from(value).toString("hex"),
});

/** Repetitive text, which compresses to almost nothing. */
const REPETITIVE = "to be, or not to be; ".repeat(300);
/** Hex digits, which compress to half their size. */
const DIGITS: string = Array.from({ length: 150 }, (_, i) => hash("sha256", String(i))).join("");
const TABLE = Array.from({ length: 160 }, (_, id) => ({ id, name: `patient ${id}`, ok: true }));

const use = async ({ vault, handle }: Scene): Promise<void> => {
  await vault.unseal(handle.id, "records");
};
const change = { by: "records" } as const;

/** Returns `depth` nested arrays. */
function nested(depth: number): unknown {
  let value: unknown = "core";
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

export const RECIPES: readonly Recipe[] = [
  {
    name: "inline-json",
    comment: "a small JSON payload in the head; the worked example of docs/record-format.md",
    payload: json({ ssn: "123-45-6789" }),
    options: { ownerPrincipal: "hr", grantedPrincipals: ["payroll"], safeView: "a record" },
    principal: "payroll",
  },
  { name: "inline-text", comment: "text", payload: text("correct horse battery staple") },
  {
    name: "inline-bytes",
    comment: "every byte value once",
    payload: bytes(Uint8Array.from({ length: 256 }, (_, value) => value)),
  },
  { name: "json-null", comment: "JSON null is a payload", payload: json(null) },
  {
    name: "json-values",
    comment: "numbers at the edges of what a double holds, and the other JSON values",
    payload: json([0, -1, 1e21, 5e-324, 1.7976931348623157e308, 9007199254740991, 0.1, true, {}]),
  },
  { name: "empty-text", comment: "no bytes at all", payload: text("") },
  { name: "empty-bytes", comment: "no bytes at all", payload: bytes(new Uint8Array()) },
  {
    name: "non-ascii",
    comment: "UTF-8 of one to four bytes in payload, principals and safe view; nothing normalized",
    payload: text("zß水🍌 e\u0301 \u00e9 \ufeff\u0000"),
    options: {
      ownerPrincipal: "spiffe://beispiel/größe",
      grantedPrincipals: ["水", "🍌"],
      safeView: "e\u0301 is not \u00e9 🍌\n",
    },
    principal: "🍌",
  },
  {
    name: "lone-surrogate",
    comment: "text that is not well-formed Unicode goes through JSON, which escapes it",
    payload: { type: "json-text", value: '"a\\ud800b"' },
  },
  {
    name: "proto-key",
    comment: "__proto__ is a member like any other",
    payload: { type: "json-text", value: '{"__proto__":{"admin":true},"a":1}' },
  },
  { name: "nested-64", comment: "64 arrays, one within the other", payload: json(nested(64)) },
  {
    name: "max-grants",
    comment: "256 granted principals",
    payload: text("for many"),
    options: { grantedPrincipals: Array.from({ length: 256 }, (_, i) => `p${i}`) },
    principal: "p255",
  },
  {
    name: "max-principal",
    comment: "a principal of 1,024 UTF-16 units, 3,072 bytes of UTF-8",
    payload: text("for one"),
    options: { grantedPrincipals: ["水".repeat(1024)] },
    principal: "水".repeat(1024),
  },
  {
    name: "max-safe-view",
    comment: "a safe view of 4,096 bytes",
    payload: text("much to say"),
    options: { safeView: "0123456789abcdef".repeat(256) },
  },
  {
    name: "empty-safe-view",
    comment: "nothing to say, and a lifetime of half a second",
    payload: text("nothing to say"),
    options: { safeView: "", ttlSeconds: 0.5 },
  },
  {
    name: "max-lifetime",
    comment: "a century: the times need more than 32 bits",
    payload: text("long-lived"),
    options: { ttlSeconds: 3_155_760_000 },
  },
  {
    name: "max-uses",
    comment: "the largest limit on uses, one below the value that means none",
    payload: text("counted"),
    options: { maxUses: 4_294_967_294 },
  },
  {
    name: "used-once",
    comment: "three uses, one of them spent",
    payload: text("counted"),
    options: { maxUses: 3 },
    after: use,
    revision: 1,
  },
  {
    name: "spent",
    comment: "the only use is spent: the policy is left, the payload is gone",
    payload: text("one shot"),
    options: { maxUses: 1 },
    after: use,
    revision: 1,
    isSpent: true,
  },
  {
    name: "spent-detached",
    comment: "the last use took the body with it",
    payload: bytes(new Uint8Array(4097).fill(7)),
    options: { maxUses: 1 },
    after: use,
    revision: 1,
    isSpent: true,
  },
  {
    name: "granted",
    comment: "one grant later",
    payload: text("shared"),
    after: async ({ vault, handle }) => void (await vault.grant(handle.id, "auditor", change)),
    revision: 1,
    principal: "auditor",
  },
  {
    name: "renewed",
    comment: "granted, revoked and renewed: three rewrites of the head",
    payload: text("kept"),
    after: async ({ vault, handle }) => {
      await vault.grant(handle.id, "auditor", change);
      await vault.revoke(handle.id, "auditor", change);
      await vault.renew(handle.id, 86_400, change);
    },
    revision: 3,
  },
  {
    name: "stored-4096",
    comment: "the largest payload that a head holds",
    payload: bytes(new Uint8Array(4096).fill(0xa5)),
  },
  {
    name: "stored-4097",
    comment: "the smallest payload that is detached",
    payload: bytes(new Uint8Array(4097).fill(0x5a)),
  },
  { name: "detached-json", comment: "a table in a body", payload: json(TABLE) },
  {
    name: "detached-text",
    comment: "text in a body; granted afterwards, which rewrote the head alone",
    payload: text("水".repeat(1400)),
    after: async ({ vault, handle }) => void (await vault.grant(handle.id, "auditor", change)),
    revision: 1,
    principal: "auditor",
  },
  {
    name: "deflate",
    comment: "compressed in zlib format (RFC 1950), small enough for the head",
    payload: text(REPETITIVE),
    codec: new VaultCodec({ compressor: deflateCompressor() }),
  },
  {
    name: "gzip",
    comment: "compressed in gzip format (RFC 1952)",
    payload: json([REPETITIVE]),
    codec: new VaultCodec({ compressor: gzipCompressor() }),
  },
  {
    name: "brotli",
    comment: "compressed with Brotli (RFC 7932)",
    payload: bytes(new Uint8Array(5000)),
    codec: new VaultCodec({ compressor: brotliCompressor() }),
  },
  {
    name: "deflate-detached",
    comment: "compressed, and still too large for the head",
    payload: text(DIGITS),
    codec: new VaultCodec({ compressor: deflateCompressor() }),
  },
  {
    name: "tenant",
    comment: "bound to a tenant, whose name the record does not hold",
    payload: text("ours"),
    tenant: "acme",
  },
  {
    name: "tenant-non-ascii",
    comment: "the tenant is bound as UTF-8, not normalized",
    payload: text("ours"),
    tenant: "caf\u00e9",
  },
  {
    name: "older-key",
    comment: "under a key that the reader's ring still has, but no longer uses",
    payload: text("from last month"),
    sealedUnder: OLD,
    readUnder: { ...NEW, ...OLD },
  },
  {
    name: "rewrapped",
    comment: "sealed under 2026-11, rewrapped to 2026-12, which alone the reader has",
    payload: text("moved"),
    sealedUnder: OLD,
    readUnder: NEW,
    after: async ({ vault, ring }) => {
      rotate(ring, "2026-12", NEW["2026-12"]);
      const { rewrapped } = await vault.rewrap();
      if (rewrapped !== 1) throw new Error("the record was not rewrapped");
    },
  },
  {
    name: "generated-key",
    comment: "a random ring key with an id of the greatest length, 64 characters",
    payload: text("under a long name"),
    sealedUnder: { [LONG_ID]: generateKey() },
  },
];
